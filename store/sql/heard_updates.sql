-- name: hear
-- The first time that this is delivered.
INSERT INTO heard_updates (channel, delivery) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING delivery

-- name: forget
-- What no platform delivers again any more.
DELETE FROM heard_updates WHERE heard_at < store.now() - make_interval(secs => %s)
