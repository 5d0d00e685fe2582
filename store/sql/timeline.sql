-- name: append
-- Append a row with the incident's next number.
SELECT store.append_timeline(%s, %s, %s, %s, %s) AS seq

-- name: follow
-- Have the messages of an incident's threads looked at, if it has any. The timer that waits is locked, so that whoever
-- takes it waits for what this transaction has written.
INSERT INTO due (kind, key, due_at, args)
SELECT 'follow_incident', c.incident_id::text, store.now(), jsonb_build_object('incident_id', c.incident_id)
FROM conversations c WHERE c.incident_id = %(id)s LIMIT 1
ON CONFLICT (kind, key) DO UPDATE SET due_at = least(due.due_at, excluded.due_at)

-- name: follow_cards
-- The same for every incident in whose threads a card waits for people.
INSERT INTO due (kind, key, due_at, args)
SELECT DISTINCT 'follow_incident', c.incident_id::text, store.now(), jsonb_build_object('incident_id', c.incident_id)
FROM conversations c JOIN executions e ON e.incident_id = c.incident_id
JOIN approvals a ON a.execution_id = e.id AND a.state = 'pending'
ON CONFLICT (kind, key) DO UPDATE SET due_at = least(due.due_at, excluded.due_at)

-- name: append_many
-- Append one row to each of many incidents.
WITH b AS (SELECT * FROM jsonb_to_recordset(%s) AS b (incident_id uuid, kind text, reason text, body jsonb)),
numbered AS (UPDATE incidents i SET timeline_seq = timeline_seq + 1 FROM b WHERE i.id = b.incident_id
             RETURNING i.id, i.timeline_seq)
INSERT INTO timeline (incident_id, seq, kind, actor, reason, body)
SELECT n.id, n.timeline_seq, b.kind, 'nightshift', b.reason, b.body FROM numbered n JOIN b ON b.incident_id = n.id
RETURNING incident_id

-- name: after
-- Read on from a number.
SELECT seq, at, kind, actor, reason, body FROM timeline WHERE incident_id = %s AND seq > %s ORDER BY seq LIMIT %s

-- name: last
-- The number of the newest row.
SELECT timeline_seq AS seq FROM incidents WHERE id = %s

-- name: is_way_back_told
-- Whether the way back of an execution was proposed.
SELECT EXISTS (SELECT 1 FROM timeline WHERE incident_id = %s AND kind = 'rollback.proposed'
               AND body->>'execution_id' = %s) AS told

-- name: is_reported
-- Whether an attempt's end was written.
SELECT EXISTS (SELECT 1 FROM timeline WHERE incident_id = %s AND kind = 'run.finished'
               AND (body->>'attempt')::int = %s) AS reported

-- name: last_words
-- What was told of an execution: its newest change, its newest verdict, and what it taught.
SELECT DISTINCT ON (kind) kind, reason, actor, body FROM timeline
WHERE incident_id = %s AND kind IN ('execution.changed', 'verdict', 'learned') AND body->>'execution_id' = %s
ORDER BY kind, seq DESC

-- name: newest
-- The newest row of a kind.
SELECT seq, at, actor, reason, body FROM timeline WHERE incident_id = %s AND kind = %s ORDER BY seq DESC LIMIT 1

-- name: recalled
-- What was remembered at the beginning of an attempt.
SELECT body FROM timeline WHERE incident_id = %s AND kind = 'recall' AND body->>'attempt' = %s ORDER BY seq LIMIT 1

-- name: is_asked
-- Was it asked what fixed it?
SELECT EXISTS (SELECT 1 FROM timeline WHERE incident_id = %s AND kind = 'fix.asked') AS is_asked
