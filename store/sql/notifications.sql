-- name: queue
-- Queue a message once.
INSERT INTO notifications (id, incident_id, kind, channel, dedup_key, body) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (dedup_key) DO NOTHING RETURNING id

-- name: take
-- Take a pending message.
UPDATE notifications SET attempts = attempts + 1 WHERE id = %s AND state = 'pending'
RETURNING id, incident_id, kind, channel, body, attempts

-- name: next_waiting
-- What the channel of a message has not tried to say yet, about the most urgent incident first.
SELECT n.id FROM notifications n LEFT JOIN incidents i ON i.id = n.incident_id
WHERE n.state = 'pending' AND n.attempts = 0 AND n.channel = (SELECT channel FROM notifications WHERE id = %s)
ORDER BY i.priority, n.created_at LIMIT 1

-- name: settle
-- The result of an attempt.
UPDATE notifications SET state = %s, last_error = %s, sent_at = CASE WHEN %s = 'sent' THEN store.now() END WHERE id = %s

-- name: of_incident
-- What was told about an incident.
SELECT id, kind, channel, state, attempts, last_error, created_at, sent_at, body FROM notifications
WHERE incident_id = %s ORDER BY created_at

-- name: counts
-- For metrics.
SELECT count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'failed') AS failed,
       coalesce(extract(epoch FROM store.now() - min(created_at) FILTER (WHERE state = 'pending')), 0) AS oldest_s
FROM notifications
