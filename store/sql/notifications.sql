-- name: queue
-- Queue a message once.
INSERT INTO notifications (id, incident_id, kind, channel, dedup_key, body) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (dedup_key) DO NOTHING RETURNING id

-- name: want
-- Have a message of a chat sent, or what it shows looked at again; what waits already keeps its place in the queue.
INSERT INTO notifications (id, incident_id, kind, channel, dedup_key, body, subject)
VALUES (%(id)s, %(incident)s, %(kind)s, %(channel)s, %(key)s, %(body)s, %(subject)s)
ON CONFLICT (dedup_key) DO UPDATE SET state = 'pending', body = excluded.body, attempts = 0,
  wanted = notifications.wanted + 1, not_before = store.now(),
  wanted_at = CASE WHEN notifications.state = 'pending' THEN notifications.wanted_at ELSE store.now() END

-- name: next_to_say
-- What a chat has to hear next: what is new before what is edited, the most urgent first, and last what never works.
SELECT n.id, n.incident_id, n.kind, n.channel, coalesce(nullif(n.subject, ''), 'news:' || n.id) AS subject, n.body,
       n.attempts, n.wanted, n.sent_at FROM notifications n
LEFT JOIN incidents i ON i.id = n.incident_id
WHERE n.state = 'pending' AND n.channel = %(channel)s AND n.not_before <= store.now()
ORDER BY n.attempts > %(stubborn)s, n.sent_at IS NOT NULL, n.kind NOT IN ('page', 'storm'), i.priority, n.wanted_at, n.id
LIMIT 1

-- name: next_in_s
-- In how many seconds a chat has to hear the next message; none where nothing waits.
SELECT extract(epoch FROM min(not_before) - store.now())::double precision AS seconds FROM notifications
WHERE state = 'pending' AND channel = %s

-- name: said
-- A message was sent as it was wanted; if it was wanted again meanwhile, it goes on waiting.
UPDATE notifications SET state = CASE WHEN wanted = %(wanted)s THEN 'sent' ELSE state END, last_error = '', attempts = 0,
  sent_at = store.now() WHERE id = %(id)s AND state = 'pending'

-- name: unsaid
-- An attempt failed: again later, or never.
UPDATE notifications SET state = CASE WHEN attempts + 1 >= %(attempts_max)s THEN 'failed' ELSE state END,
  attempts = attempts + 1, last_error = %(error)s, not_before = store.now() + make_interval(secs => %(pause)s)
WHERE id = %(id)s AND state = 'pending'

-- name: chats_with_news
-- Channels for which messages wait that nobody is about to send.
SELECT DISTINCT channel FROM notifications n
WHERE state = 'pending' AND channel = ANY (%s) AND not_before <= store.now()
  AND NOT EXISTS (SELECT 1 FROM due WHERE kind = 'speak' AND key = n.channel)
  AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j
                  WHERE j.status IN ('todo', 'doing') AND j.task_name = 'speak' AND j.args->>'channel' = n.channel)

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
       coalesce(extract(epoch FROM store.now() - min(wanted_at) FILTER (WHERE state = 'pending')), 0) AS oldest_s
FROM notifications

-- name: by_channel
-- What waits and what was given up, for each channel, and when something last got through.
SELECT channel, count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'failed') AS failed,
       coalesce((array_agg(last_error ORDER BY created_at DESC) FILTER (WHERE state <> 'sent' AND last_error <> ''))[1], '')
         AS last_error,
       max(sent_at) AS last_sent_at
FROM notifications GROUP BY channel
