-- name: firing
-- How many alerts are open.
SELECT count(*) FROM alerts WHERE ended_at IS NULL

-- name: count_all
-- How many episodes are stored.
SELECT count(*) FROM alerts

-- name: end_all
-- Every open episode ended a moment ago.
UPDATE alerts SET ended_at = now(), status = 'resolved' WHERE ended_at IS NULL

-- name: copy
-- A long history at once: episodes that have ended, copied under other identities, whatever columns there are.
INSERT INTO alerts
SELECT (jsonb_populate_record(old, jsonb_build_object('id', gen_random_uuid(), 'identity', identity || ':' || n))).*
FROM (SELECT a AS old, identity FROM alerts a WHERE ended_at IS NOT NULL ORDER BY id LIMIT 100) ended
CROSS JOIN generate_series((SELECT count(*) FROM alerts), (SELECT count(*) FROM alerts) + %(missing)s / 100 - 1) n

-- name: forget
-- The episodes that are no history.
DELETE FROM alerts WHERE labels->>'instance' NOT LIKE %(kept)s
