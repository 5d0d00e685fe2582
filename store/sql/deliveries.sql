-- name: get
-- Was this delivery taken?
SELECT 1 FROM idempotency_keys WHERE principal = 'delivery:' || %s AND key = %s

-- name: take
-- Remember a delivery.
INSERT INTO idempotency_keys (principal, key, request_hash, status) VALUES ('delivery:' || %s, %s, '', 200)
ON CONFLICT (principal, key) DO NOTHING
