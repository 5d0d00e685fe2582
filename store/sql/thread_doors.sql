-- name: newest_with_stem
-- The newest thread of a person whose key at a door begins with a stem.
SELECT id, outside_key FROM threads
WHERE person_id = %(person_id)s AND door = %(door)s AND starts_with(outside_key, %(stem)s) ORDER BY id DESC LIMIT 1

-- name: cards
-- The newest approvals that a thread asked for, as it showed them.
SELECT seq, body FROM thread_events WHERE thread_id = %s AND kind = 'approval.requested' ORDER BY seq DESC LIMIT %s
