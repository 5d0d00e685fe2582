-- name: ask
-- Open an approval once an execution.
INSERT INTO approvals (id, execution_id, intent_hash, needed, role, expires_at)
VALUES (%(id)s, %(execution)s, %(hash)s, %(needed)s, %(role)s, store.now() + make_interval(secs => %(expires_s)s))
ON CONFLICT (execution_id) DO NOTHING RETURNING *

-- name: stand
-- A yes that a person gave before stands for the votes; it is used once, and expires, as any other.
UPDATE approvals SET state = 'approved', kind = 'standing', granted_by = %(by)s, reason = %(reason)s,
  announced_at = store.now(), decided_at = store.now()
WHERE id = %(id)s AND state = 'pending' AND expires_at > store.now() RETURNING id

-- name: break_glass
-- One person decides alone, in time, and says why.
UPDATE approvals SET state = 'approved', kind = 'break_glass', granted_by = %(by)s, reason = %(reason)s,
  decided_at = store.now()
WHERE id = %(id)s AND state = 'pending' AND expires_at > store.now()
  AND EXISTS (SELECT 1 FROM persons WHERE name = %(by)s AND disabled_at IS NULL) RETURNING id

-- name: replace
-- What took the place of a withdrawn approval.
UPDATE approvals SET replaced_by = %(new)s, reason = %(reason)s WHERE id = %(id)s

-- name: void_all
-- After a restored copy: nothing that waited then is wanted by anybody now; locked and taken back.
UPDATE approvals SET state = 'expired', decided_at = store.now(), reason = %s WHERE state IN ('pending', 'approved')
RETURNING execution_id

-- name: of_execution
-- The approval of an execution.
SELECT *, expires_at <= store.now() AS is_over FROM approvals WHERE execution_id = %s

-- name: get
-- One approval with what it is about.
SELECT a.*, a.expires_at <= store.now() AS is_over, e.incident_id, e.state AS execution_state, e.card, e.requester, e.decision,
       e.intent, e.intent_hash AS execution_hash, e.playbook_id, e.resource_id
FROM approvals a JOIN executions e ON e.id = a.execution_id WHERE a.id = %s

-- name: get_locked
-- The same, locked for a decision.
SELECT a.*, a.expires_at <= store.now() AS is_over, e.incident_id, e.state AS execution_state, e.card, e.requester, e.decision,
       e.intent, e.intent_hash AS execution_hash, e.playbook_id, e.resource_id
FROM approvals a JOIN executions e ON e.id = a.execution_id WHERE a.id = %s FOR UPDATE OF a, e

-- name: vote
-- A person's vote, once.
INSERT INTO approval_votes (approval_id, person_id, verdict, reason, via)
SELECT %s, id, %s, %s, %s FROM persons WHERE id = %s AND disabled_at IS NULL
ON CONFLICT DO NOTHING RETURNING person_id

-- name: votes
-- The votes with names, and with what their persons may do now.
SELECT v.person_id, p.name, p.role, v.verdict, v.reason, v.via, v.at, p.disabled_at IS NULL AS is_active
FROM approval_votes v JOIN persons p ON p.id = v.person_id WHERE v.approval_id = %s ORDER BY v.at

-- name: settle
-- Leave pending; approving needs time left.
UPDATE approvals SET state = %(state)s, decided_at = store.now()
WHERE id = %(id)s AND state = 'pending' AND (%(state)s <> 'approved' OR expires_at > store.now()) RETURNING id

-- name: consume
-- Single use, right before the intent is committed.
UPDATE approvals SET state = 'consumed', consumed_at = store.now()
WHERE execution_id = %s AND intent_hash = %s AND state = 'approved' AND expires_at > store.now() RETURNING id

-- name: announce
-- Mark as told, once.
UPDATE approvals a SET announced_at = store.now() FROM executions e
WHERE e.id = a.execution_id AND e.incident_id = %s AND a.state = 'pending' AND a.announced_at IS NULL
RETURNING a.id, a.execution_id, a.expires_at, e.card

-- name: expired
-- One whose time is over, locked.
SELECT a.id, a.execution_id, a.state, e.state AS execution_state FROM approvals a JOIN executions e ON e.id = a.execution_id
WHERE a.expires_at <= store.now() AND (a.state = 'pending' OR (a.state = 'approved' AND e.state = 'approved'))
  AND a.id <> ALL (%s)
ORDER BY a.expires_at LIMIT 1 FOR UPDATE OF a, e SKIP LOCKED

-- name: page
-- Approvals in some states, newest first.
SELECT a.id, a.execution_id, a.state, a.needed, a.role, a.created_at, a.expires_at, a.decided_at, e.incident_id, e.card,
       e.state AS execution_state, e.requester, i.number AS incident_number,
       (SELECT count(*) FROM approval_votes v WHERE v.approval_id = a.id AND v.verdict = 'approve') AS votes
FROM approvals a JOIN executions e ON e.id = a.execution_id JOIN incidents i ON i.id = e.incident_id
WHERE a.state = ANY (%s) ORDER BY a.created_at DESC LIMIT %s

-- name: withdraw
-- Take an unused approval back.
UPDATE approvals SET state = %s, decided_at = store.now() WHERE id = %s AND state IN ('pending', 'approved')
