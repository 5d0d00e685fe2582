-- name: approvals
-- Approvals before an id, with what they are about.
SELECT a.id, a.execution_id, a.intent_hash, a.state, a.needed, a.role, a.created_at, a.expires_at, a.decided_at,
       a.kind, a.expires_at <= store.now() AS is_over, e.incident_id, e.card, e.state AS execution_state, e.requester,
       i.number AS incident_number,
       (SELECT count(*) FROM approval_votes v WHERE v.approval_id = a.id AND v.verdict = 'approve') AS votes
FROM approvals a JOIN executions e ON e.id = a.execution_id JOIN incidents i ON i.id = e.incident_id
WHERE (%(states)s::text[] IS NULL OR a.state = ANY (%(states)s))
  AND (%(before)s::uuid IS NULL OR a.id < %(before)s)
ORDER BY a.id DESC LIMIT %(rows)s

-- name: executions
-- Executions before an id.
SELECT e.*, i.number AS incident_number FROM executions e JOIN incidents i ON i.id = e.incident_id
WHERE (%(incident)s::uuid IS NULL OR e.incident_id = %(incident)s)
  AND (%(state)s::text IS NULL OR e.state = %(state)s)
  AND (%(before)s::uuid IS NULL OR e.id < %(before)s)
ORDER BY e.id DESC LIMIT %(rows)s

-- name: alerts
-- Alerts of an incident received before another, newest first, with the aggregate that each is a child of.
SELECT a.id, a.name, a.class, a.severity,
       CASE WHEN a.ended_at IS NULL AND EXISTS (SELECT 1 FROM stale_alerts s WHERE s.alert_id = a.id)
            THEN 'unknown' ELSE a.status END AS status, a.service, a.resource_id, a.labels, a.annotations, a.generator_url,
       a.starts_at, a.ended_at, a.received_at, a.last_received_at, a.occurrences, a.source, p.aggregate_id
FROM alerts a LEFT JOIN alert_parents p ON p.alert_id = a.id
WHERE a.incident_id = %(incident)s AND (%(before)s::uuid IS NULL
   OR (a.received_at, a.id) < (SELECT b.received_at, b.id FROM alerts b WHERE b.id = %(before)s))
ORDER BY a.received_at DESC, a.id DESC LIMIT %(rows)s

-- name: switches
-- Every switch.
SELECT name, is_on, reason, changed_by, changed_at FROM switches ORDER BY name

-- name: queue
-- Jobs by state and task; the age of one that waits counts from when it was put into the queue.
SELECT j.status::text AS state, j.task_name AS task, count(*) AS jobs, min(e.at) AS oldest_at
FROM procrastinate_jobs j
LEFT JOIN LATERAL (
  SELECT min(at) AS at FROM procrastinate_events WHERE job_id = j.id AND j.status IN ('todo', 'doing')
) e ON true
GROUP BY j.status, j.task_name ORDER BY 1, 2
