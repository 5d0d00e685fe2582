-- name: append
-- Append a row with the incident's next number.
SELECT store.append_timeline(%s, %s, %s, %s, %s) AS seq

-- name: after
-- Read on from a number.
SELECT seq, at, kind, actor, reason, body FROM timeline WHERE incident_id = %s AND seq > %s ORDER BY seq LIMIT %s
