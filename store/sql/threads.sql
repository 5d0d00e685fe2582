-- name: create
-- A thread, unless what it is called beyond our doors is known there.
INSERT INTO threads (id, door, person_id, outside_key, incident_id, title)
VALUES (%(id)s, %(door)s, %(person_id)s, %(outside_key)s, %(incident_id)s, %(title)s)
ON CONFLICT (door, person_id, outside_key) WHERE outside_key <> '' DO NOTHING RETURNING id

-- name: find_outside
-- The thread that is called so beyond one of our doors.
SELECT id FROM threads WHERE door = %(door)s AND person_id IS NOT DISTINCT FROM %(person_id)s
  AND outside_key = %(outside_key)s AND outside_key <> ''

-- name: get
-- One thread, with the names of what it points at, and whether something is asked and not answered yet.
SELECT t.*, p.name AS person, i.number AS incident_number,
       EXISTS (SELECT 1 FROM thread_runs r WHERE r.thread_id = t.id AND r.state IN ('queued', 'running')) AS is_busy
FROM threads t LEFT JOIN persons p ON p.id = t.person_id LEFT JOIN incidents i ON i.id = t.incident_id
WHERE t.id = %s

-- name: page
-- Threads before an id: those of one person, those about one incident, or all.
SELECT t.*, p.name AS person, i.number AS incident_number,
       EXISTS (SELECT 1 FROM thread_runs r WHERE r.thread_id = t.id AND r.state IN ('queued', 'running')) AS is_busy
FROM threads t LEFT JOIN persons p ON p.id = t.person_id LEFT JOIN incidents i ON i.id = t.incident_id
WHERE (%(person)s::uuid IS NULL OR t.person_id = %(person)s)
  AND (%(incident)s::uuid IS NULL OR t.incident_id = %(incident)s)
  AND (%(before)s::uuid IS NULL OR t.id < %(before)s)
ORDER BY t.id DESC LIMIT %(rows)s

-- name: lock
-- One thread, against everybody who writes into it.
SELECT id FROM threads WHERE id = %s FOR NO KEY UPDATE

-- name: append
-- The next row of a thread.
SELECT store.append_thread_event(%s, %s, %s, %s) AS seq

-- name: append_for_run
-- The next row of a run that is still its writer's.
SELECT store.append_run_event(%s, %s, %s, %s) AS seq

-- name: after
-- Read on from a number.
SELECT seq, at, kind, run_id, body FROM thread_events WHERE thread_id = %s AND seq > %s ORDER BY seq LIMIT %s

-- name: last
-- The number of the newest row.
SELECT event_seq AS seq FROM threads WHERE id = %s

-- name: forget
-- Conversations that are about no incident and in which nothing was said for long, with all their rows.
WITH old AS (
  SELECT t.id FROM threads t
  WHERE t.incident_id IS NULL AND t.created_at < store.now() - make_interval(secs => %(older_than_s)s)
    AND NOT EXISTS (SELECT 1 FROM thread_events e WHERE e.thread_id = t.id AND e.seq = t.event_seq
                    AND e.at >= store.now() - make_interval(secs => %(older_than_s)s))
    AND NOT EXISTS (SELECT 1 FROM thread_runs r WHERE r.thread_id = t.id AND r.state IN ('queued', 'running', 'paused'))
  ORDER BY t.id LIMIT %(rows_max)s FOR UPDATE SKIP LOCKED
), said AS (DELETE FROM thread_events e USING old WHERE e.thread_id = old.id
), ran AS (DELETE FROM thread_runs r USING old WHERE r.thread_id = old.id)
DELETE FROM threads t USING old WHERE t.id = old.id RETURNING t.id

-- name: newest_with_stem
-- The newest thread of a person whose key at a door begins with a stem.
SELECT id, outside_key FROM threads
WHERE person_id = %(person_id)s AND door = %(door)s AND starts_with(outside_key, %(stem)s) ORDER BY id DESC LIMIT 1

-- name: cards
-- The newest approvals that a thread asked for, as it showed them.
SELECT seq, body FROM thread_events WHERE thread_id = %s AND kind = 'approval.requested' ORDER BY seq DESC LIMIT %s
