-- name: queue
-- Jobs that wait, by when they became due; and timers that nobody took.
SELECT count(j.id) AS jobs,
       coalesce(extract(epoch FROM store.now() - min(coalesce(j.scheduled_at, e.at))), 0)::float8 AS oldest_s,
       (SELECT count(*) FROM due WHERE due_at <= store.now()) AS due
FROM procrastinate_jobs j
LEFT JOIN LATERAL (SELECT max(at) AS at FROM procrastinate_events WHERE job_id = j.id) e ON true
WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= store.now())

-- name: executions
-- Executions by state.
SELECT state, count(*) AS number FROM executions GROUP BY state

-- name: waiting
-- What waits for people.
SELECT (SELECT count(*) FROM approvals WHERE state = 'pending') AS approvals,
       (SELECT count(*) FROM incidents WHERE resolved_at IS NULL) AS incidents

-- name: schema_number
-- The newest migration that was applied.
SELECT coalesce(max(number), -1) AS number FROM migrations

-- name: worker_is_alive
-- A worker that took jobs or looked for them a moment ago.
SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s) LIMIT 1
