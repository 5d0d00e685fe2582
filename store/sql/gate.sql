-- name: lock
-- One transaction at a time, and none that hangs in the middle: then the server ends it.
SELECT set_config('idle_in_transaction_session_timeout', %s, true), pg_advisory_xact_lock(7203013)

-- name: counts
-- What was done in the last hour, and how a playbook fared on this kind of trouble here.
SELECT
  (SELECT count(*) FROM executions e JOIN incidents i ON i.id = e.incident_id
   WHERE e.acted_at > store.now() - interval '1 hour'
     AND coalesce(e.intent->'parameters'->>'service', i.service) = %(service)s) AS service_last_hour,
  (SELECT coalesce(array_agg(e.outcome), '{}') FROM executions e
   WHERE e.outcome IS NOT NULL AND e.playbook_id = %(playbook)s AND e.action = %(action)s
     AND e.signature = %(signature)s AND e.environment = %(environment)s) AS outcomes

-- name: failures
-- When a playbook failed lately.
SELECT updated_at AS at FROM executions
WHERE playbook_id = %(playbook)s AND acted_at IS NOT NULL AND state IN ('failed', 'ineffective', 'regressed')
  AND updated_at > store.now() - make_interval(secs => %(window_s)s)
ORDER BY updated_at DESC LIMIT 1000

-- name: watched
-- Actions whose effect is still being watched, with the service that they touched.
SELECT e.id, e.incident_id, e.state, e.acted_at, coalesce(e.intent->'parameters'->>'service', i.service) AS service
FROM executions e JOIN incidents i ON i.id = e.incident_id
WHERE e.acted_at IS NOT NULL AND e.environment = %(environment)s AND e.state = ANY (%(states)s) AND e.outcome IS NULL
ORDER BY e.acted_at LIMIT 1000

-- name: open_approvals
-- Approvals that wait, or were given and not used, of all playbooks or of one.
SELECT a.id AS approval_id, e.id AS execution_id, e.incident_id
FROM approvals a JOIN executions e ON e.id = a.execution_id
WHERE a.state IN ('pending', 'approved') AND e.state IN ('awaiting_approval', 'approved')
  AND (%(playbook)s::text IS NULL OR e.playbook_id = %(playbook)s)
ORDER BY a.id

-- name: alarmed_since
-- Services of an incident of which nothing fired at a moment, and that fire since.
SELECT a.service, min(a.starts_at) AS began_at FROM alerts a
WHERE a.incident_id = %(incident)s AND a.service = ANY (%(services)s) AND a.ended_at IS NULL
  AND a.starts_at >= %(since)s AND a.received_at >= %(since)s
  AND NOT EXISTS (SELECT 1 FROM alerts b
                  WHERE b.incident_id = a.incident_id AND b.service = a.service
                    AND b.received_at < %(since)s AND (b.ended_at IS NULL OR b.ended_at >= %(since)s))
GROUP BY a.service ORDER BY began_at, a.service LIMIT 10
