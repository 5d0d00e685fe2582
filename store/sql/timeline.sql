-- name: append
-- Append a row with the incident's next number.
SELECT store.append_timeline(%s, %s, %s, %s, %s) AS seq

-- name: after
-- Read on from a number.
SELECT seq, at, kind, actor, reason, body FROM timeline WHERE incident_id = %s AND seq > %s ORDER BY seq LIMIT %s

-- name: is_reported
-- Whether an attempt's end was written.
SELECT EXISTS (SELECT 1 FROM timeline WHERE incident_id = %s AND kind = 'run.finished'
               AND (body->>'attempt')::int = %s) AS reported
