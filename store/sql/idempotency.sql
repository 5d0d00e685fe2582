-- name: reserve
-- Reserve a key.
INSERT INTO idempotency_keys (principal, key, request_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING key

-- name: get
-- The first request under a key.
SELECT request_hash, status, body FROM idempotency_keys WHERE principal = %s AND key = %s

-- name: finish
-- Keep the answer.
UPDATE idempotency_keys SET status = %s, body = %s WHERE principal = %s AND key = %s

-- name: forget
-- Keys and ids of deliveries that are older than this, a bounded number at a time.
DELETE FROM idempotency_keys WHERE (principal, key) IN (
  SELECT principal, key FROM idempotency_keys WHERE created_at < store.now() - make_interval(secs => %(older_than_s)s)
  LIMIT %(rows)s)
