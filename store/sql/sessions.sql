-- name: add
-- Somebody logged in.
INSERT INTO sessions (id, digest, person_id, second_factor, address, client, expires_at)
VALUES (%(id)s, %(digest)s, %(person_id)s, %(second_factor)s, %(address)s, %(client)s,
        store.now() + make_interval(secs => %(lives_s)s))
RETURNING id, created_at, expires_at

-- name: holder
-- Whose session this is, if it is neither ended nor over nor idle, and they work here.
SELECT s.id AS session_id, s.second_factor, s.expires_at, s.created_at, p.id, p.name, p.role,
       s.last_seen_at < store.now() - make_interval(secs => %(seen_every_s)s) AS is_seen_again
FROM sessions s JOIN persons p ON p.id = s.person_id
WHERE s.digest = %(digest)s AND s.ended_at IS NULL AND s.expires_at > store.now() AND p.disabled_at IS NULL
  AND s.last_seen_at > store.now() - make_interval(secs => %(idle_s)s)

-- name: seen
-- It is in use.
UPDATE sessions SET last_seen_at = store.now() WHERE id = %s AND ended_at IS NULL

-- name: live
-- The sessions of a person that are open, newest first.
SELECT id, second_factor, address, client, created_at, last_seen_at, expires_at FROM sessions
WHERE person_id = %(person_id)s AND ended_at IS NULL AND expires_at > store.now()
  AND last_seen_at > store.now() - make_interval(secs => %(idle_s)s)
ORDER BY created_at DESC, id DESC

-- name: end
-- One session of a person ends.
UPDATE sessions SET ended_at = store.now(), ended_why = %(why)s
WHERE id = %(id)s AND person_id = %(person_id)s AND ended_at IS NULL RETURNING id

-- name: end_all
-- Every session of a person ends, but one where it is named.
UPDATE sessions SET ended_at = store.now(), ended_why = %(why)s
WHERE person_id = %(person_id)s AND ended_at IS NULL AND id IS DISTINCT FROM %(but)s::uuid RETURNING id

-- name: exists
-- Whether a person has, or had, such a session.
SELECT id FROM sessions WHERE id = %s AND person_id = %s

-- name: knows_address
-- Whether a person of this name logged in from there lately.
SELECT EXISTS (SELECT 1 FROM sessions s JOIN persons p ON p.id = s.person_id
  WHERE p.name = %(name)s AND s.address = %(address)s
    AND s.created_at > store.now() - make_interval(secs => %(lately_s)s)) AS known

-- name: still
-- Whether a person works here, and their session, where one is named, is open.
SELECT EXISTS (SELECT 1 FROM persons WHERE id = %(person_id)s AND disabled_at IS NULL)
  AND (%(session_id)s::uuid IS NULL
    OR EXISTS (SELECT 1 FROM sessions WHERE id = %(session_id)s AND ended_at IS NULL AND expires_at > store.now())) AS still

-- name: forget
-- Sessions that were over long ago, some at a time.
DELETE FROM sessions WHERE id IN (
  SELECT id FROM sessions WHERE expires_at < store.now() - make_interval(secs => %(older_than_s)s) LIMIT %(rows)s)

-- name: forget_codes
-- One-time codes that were over long ago, some at a time.
DELETE FROM one_time_codes WHERE digest IN (
  SELECT digest FROM one_time_codes WHERE expires_at < store.now() - make_interval(secs => %(older_than_s)s) LIMIT %(rows)s)
