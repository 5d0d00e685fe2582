-- name: lock
-- Storms are decided about by one transaction at a time.
SELECT pg_advisory_xact_lock(7203014)

-- name: newest
-- The storm that an incident may join.
SELECT * FROM storms ORDER BY number DESC LIMIT 1

-- name: singles
-- Incidents of the last window that joined no storm.
SELECT id, opened_at FROM incidents
WHERE opened_at >= store.now() - make_interval(secs => %(window)s) AND storm_id IS NULL
  AND NOT (id = ANY (%(besides)s))
ORDER BY opened_at DESC, id LIMIT %(rows)s

-- name: put
-- Begin a storm or let it grow.
INSERT INTO storms (id, incident_count, began_at, last_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET incident_count = excluded.incident_count, last_at = excluded.last_at, ended_at = NULL
RETURNING number

-- name: join
-- An incident is in one storm for ever.
UPDATE incidents SET storm_id = %s WHERE id = ANY (%s) AND storm_id IS NULL

-- name: get
-- One storm.
SELECT * FROM storms WHERE id = %s

-- name: set_told
-- How often it was told.
UPDATE storms SET told = greatest(told, %s) WHERE id = %s

-- name: end
-- Over, when a whole window passed without a new incident.
UPDATE storms SET ended_at = coalesce(ended_at, store.now())
WHERE id = %s AND last_at < store.now() - make_interval(secs => %s) RETURNING id

-- name: members
-- The incidents of a storm, the worst first.
SELECT id, number, state, priority, service, title, firing_count, resolved_at FROM incidents WHERE storm_id = %s
ORDER BY (resolved_at IS NULL) DESC, priority, firing_count DESC, number LIMIT %s

-- name: page
-- Storms, newest first.
SELECT * FROM storms WHERE %(before)s::bigint IS NULL OR number < %(before)s ORDER BY number DESC LIMIT %(rows)s
