-- name: keep
-- Keep a body.
INSERT INTO quarantine (id, source, reason, detail, body) VALUES (%s, %s, %s, %s, %s)

-- name: recent
-- The newest bodies.
SELECT id, source, received_at, reason, detail, body FROM quarantine ORDER BY received_at DESC LIMIT %s

-- name: page
-- Bodies before an id, without the bodies themselves.
SELECT id, source, received_at, reason, detail, octet_length(body) AS body_bytes FROM quarantine
WHERE (%(source)s::text IS NULL OR source = %(source)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(rows)s

-- name: facets
-- Counts for filters.
SELECT source, reason, count(*) AS bodies FROM quarantine GROUP BY source, reason ORDER BY count(*) DESC, source, reason

-- name: get
-- One body.
SELECT id, source, received_at, reason, detail, octet_length(body) AS body_bytes, body FROM quarantine WHERE id = %s

-- name: forget_old
-- What is older than this, a bounded number at a time.
DELETE FROM quarantine WHERE id IN (
  SELECT id FROM quarantine WHERE received_at < store.now() - make_interval(secs => %(older_than_s)s)
  ORDER BY received_at LIMIT %(rows)s)

-- name: forget_beyond
-- The oldest, where all of them together are larger than this.
DELETE FROM quarantine WHERE id IN (
  SELECT id FROM (SELECT id, sum(octet_length(body)) OVER (ORDER BY received_at DESC, id DESC) AS bytes FROM quarantine) q
  WHERE q.bytes > %(bytes_max)s)
