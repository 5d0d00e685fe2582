-- name: open_for
-- Open or just resolved incidents of these groups; open ones first.
SELECT id, number, group_key, state, resolved_at, started_at FROM incidents
WHERE group_key = ANY (%(keys)s)
  AND (resolved_at IS NULL OR resolved_at > store.now() - make_interval(secs => %(reopen_s)s))
ORDER BY (resolved_at IS NULL) DESC, number DESC

-- name: open_for_locked
-- The same, against everybody who changes them.
SELECT id, number, group_key, state, resolved_at, started_at FROM incidents
WHERE group_key = ANY (%(keys)s)
  AND (resolved_at IS NULL OR resolved_at > store.now() - make_interval(secs => %(reopen_s)s))
ORDER BY (resolved_at IS NULL) DESC, number DESC FOR UPDATE

-- name: create
-- Open incidents from one JSON parameter.
INSERT INTO incidents (id, priority, group_key, environment, cluster, service, title, signature, started_at)
SELECT id, priority, group_key, environment, cluster, service, title, signature, started_at
FROM jsonb_to_recordset(%s) AS b (
  id uuid, priority text, group_key text, environment text, cluster text, service text, title text, signature text,
  started_at timestamptz)
ORDER BY started_at, id RETURNING id, number, group_key, service

-- name: count
-- Add to the counters from one JSON parameter, and tell it on the timeline.
SELECT id, firing_count, priority, before, fired_before, was_over FROM store.count_alerts(%s)

-- name: raise_many
-- A priority only gets more urgent here; those that did.
UPDATE incidents i SET priority = b.priority FROM jsonb_to_recordset(%s) AS b (id uuid, priority text)
WHERE i.id = b.id AND b.priority < i.priority RETURNING i.id, i.priority

-- name: get
-- One incident.
SELECT i.*, (SELECT s.number FROM storms s WHERE s.id = i.storm_id) AS storm
FROM incidents i WHERE id = %s

-- name: get_locked
-- One incident, against everybody who changes it.
SELECT * FROM incidents WHERE id = %s FOR UPDATE

-- name: by_number
-- One incident by its short number.
SELECT i.*, (SELECT s.number FROM storms s WHERE s.id = i.storm_id) AS storm
FROM incidents i WHERE number = %s

-- name: page
-- Incidents, newest first.
SELECT i.*, (SELECT s.number FROM storms s WHERE s.id = i.storm_id) AS storm FROM incidents i
WHERE (%(before)s::bigint IS NULL OR number < %(before)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(service)s::text IS NULL OR service = %(service)s)
  AND (%(assignee)s::text IS NULL OR assignee = %(assignee)s)
  AND (%(storm)s::bigint IS NULL OR storm_id = (SELECT s.id FROM storms s WHERE s.number = %(storm)s))
ORDER BY number DESC LIMIT %(rows)s

-- name: unresolved
-- Incidents that are not over, the most urgent first, then the newest.
SELECT i.*, (SELECT s.number FROM storms s WHERE s.id = i.storm_id) AS storm FROM incidents i
WHERE resolved_at IS NULL ORDER BY priority, number DESC LIMIT %s

-- name: facets
-- Counts for filters.
SELECT state, priority, service, coalesce(assignee, '') AS assignee, count(*) AS incidents FROM incidents
GROUP BY state, priority, service, assignee ORDER BY count(*) DESC

-- name: describe
-- What the commonest alert says.
UPDATE incidents SET title = %s, signature = %s, service = %s WHERE id = %s

-- name: raise_priority
-- A priority only gets more urgent here.
UPDATE incidents SET priority = least(priority, %s) WHERE id = %s

-- name: set_state
-- Compare and set.
UPDATE incidents SET state = %(state)s,
  acknowledged_at = CASE WHEN %(state)s = 'acknowledged' THEN store.now() ELSE acknowledged_at END,
  acknowledged_by = CASE WHEN %(state)s = 'acknowledged' THEN %(by)s ELSE acknowledged_by END,
  mitigated_at = CASE WHEN %(state)s = 'mitigated' THEN store.now() ELSE mitigated_at END,
  resolved_at = CASE WHEN %(state)s = 'resolved' THEN store.now() ELSE NULL END,
  resolved_by = CASE WHEN %(state)s = 'resolved' THEN %(by)s ELSE NULL END
WHERE id = %(id)s AND state = ANY (%(from)s) RETURNING id

-- name: reopen
-- Undo a resolve.
UPDATE incidents i SET state = 'open', resolved_at = NULL, resolved_by = NULL, reopened = reopened + 1
WHERE id = %s AND resolved_at IS NOT NULL AND merged_into IS NULL
  AND NOT EXISTS (SELECT 1 FROM incidents o WHERE o.group_key = i.group_key AND o.resolved_at IS NULL)
RETURNING id

-- name: assign
-- Give it to a person, or to nobody; nothing where it is theirs already.
UPDATE incidents SET assignee = %(assignee)s::text, assigned_at = CASE WHEN %(assignee)s::text IS NOT NULL THEN store.now() END
WHERE id = %(id)s AND assignee IS DISTINCT FROM %(assignee)s::text RETURNING id
