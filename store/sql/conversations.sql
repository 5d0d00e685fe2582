-- name: open
-- Keep the thread of an incident; a newer one takes the place of one that is gone.
INSERT INTO conversations (channel, incident_id, chat, thread, root) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (channel, incident_id) DO UPDATE SET chat = excluded.chat, thread = excluded.thread, root = excluded.root,
  opened_at = store.now()

-- name: get
-- The thread of an incident in a chat.
SELECT channel, incident_id, chat, thread, root FROM conversations WHERE channel = %s AND incident_id = %s AND chat = %s

-- name: of_incident
-- All threads of an incident.
SELECT channel, incident_id, chat, thread, root FROM conversations WHERE incident_id = %s ORDER BY channel

-- name: by_thread
-- The thread of an incident by its topic, or by the message that it hangs on.
SELECT channel, incident_id, chat, thread, root FROM conversations
WHERE channel = %(channel)s AND chat = %(chat)s AND (thread = %(thread)s OR root = %(thread)s) LIMIT 1

-- name: forget
-- A thread that does not exist any more, with everything that was in it.
WITH gone AS (DELETE FROM conversations WHERE channel = %(channel)s AND incident_id = %(incident)s)
DELETE FROM posts WHERE channel = %(channel)s AND incident_id = %(incident)s

-- name: forget_old
-- What was said about incidents that are long over, and storms and answers of that time: nothing is edited any more.
WITH over AS (SELECT id FROM incidents WHERE resolved_at < store.now() - make_interval(secs => %(keep_s)s)),
gone AS (DELETE FROM conversations WHERE incident_id IN (SELECT id FROM over))
DELETE FROM posts WHERE incident_id IN (SELECT id FROM over)
  OR (incident_id IS NULL AND posted_at < store.now() - make_interval(secs => %(keep_s)s))

-- name: incident_at
-- Whose thread a place is, or whose message it answers to.
SELECT incident_id FROM conversations
WHERE channel = %(channel)s AND chat = %(chat)s
  AND ((%(thread)s <> '' AND thread = %(thread)s) OR root = ANY (ARRAY[nullif(%(thread)s, ''), nullif(%(ref)s, '')]))
UNION ALL
SELECT incident_id FROM posts
WHERE channel = %(channel)s AND chat = %(chat)s AND ref = %(ref)s AND %(ref)s <> '' AND incident_id IS NOT NULL
LIMIT 1

-- name: post
-- What a subject's message is and shows.
SELECT chat, thread, root, ref, shown FROM posts WHERE channel = %s AND subject = %s

-- name: posts_of_incident
-- What was posted about an incident.
SELECT channel, subject, chat, ref, shown FROM posts WHERE incident_id = %s

-- name: posted
-- Keep what was posted or edited.
INSERT INTO posts (channel, subject, incident_id, chat, thread, root, ref, shown)
VALUES (%(channel)s, %(subject)s, %(incident_id)s, %(chat)s, %(thread)s, %(root)s, %(ref)s, %(shown)s)
ON CONFLICT (channel, subject) DO UPDATE SET chat = excluded.chat, thread = excluded.thread, root = excluded.root,
  ref = excluded.ref, shown = excluded.shown, edited_at = store.now()

-- name: forget_post
-- A message that does not exist any more.
DELETE FROM posts WHERE channel = %s AND subject = %s

-- name: waits
-- Seconds until a chat may be written to.
SELECT extract(epoch FROM until - store.now())::double precision AS seconds, failures FROM chat_waits
WHERE channel = %s AND chat = %s

-- name: wait
-- Write nothing to a chat for a while; never less than was asked before.
INSERT INTO chat_waits (channel, chat, until, failures, reason)
VALUES (%(channel)s, %(chat)s, store.now() + make_interval(secs => %(seconds)s), %(failure)s, %(reason)s)
ON CONFLICT (channel, chat) DO UPDATE SET until = greatest(chat_waits.until, excluded.until), reason = excluded.reason,
  failures = chat_waits.failures + excluded.failures

-- name: heard
-- The chat was written to.
DELETE FROM chat_waits WHERE channel = %s AND chat = %s AND until <= store.now()
