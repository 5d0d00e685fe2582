-- name: keep
-- Keep a body.
INSERT INTO quarantine (id, source, reason, detail, body) VALUES (%s, %s, %s, %s, %s)

-- name: recent
-- The newest bodies.
SELECT id, source, received_at, reason, detail, body FROM quarantine ORDER BY received_at DESC LIMIT %s
