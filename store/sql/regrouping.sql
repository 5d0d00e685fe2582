-- name: lock_actions
-- Approvals and executions of some incidents, before the incidents themselves: whoever decides or acts takes them so.
SELECT a.id FROM approvals a JOIN executions e ON e.id = a.execution_id
WHERE e.incident_id = ANY (%s) ORDER BY a.id FOR UPDATE OF a, e

-- name: lock_alerts
-- The alerts of some incidents, in the order in which those who fold take them.
SELECT count(*) AS alerts FROM (SELECT 1 FROM alerts WHERE incident_id = ANY (%s) ORDER BY identity, id FOR UPDATE) AS l

-- name: lock
-- Some incidents, always in the order of their ids.
SELECT * FROM incidents WHERE id = ANY (%s) ORDER BY id FOR UPDATE

-- name: choosable
-- The alerts of an incident with the labels that matchers see.
SELECT a.id, store.seen_labels(a) AS labels FROM alerts a WHERE a.incident_id = %s ORDER BY a.id LIMIT %s

-- name: size
-- How many alerts an incident has.
SELECT count(*) AS alerts FROM alerts WHERE incident_id = %s

-- name: members
-- Which of these alerts belong to an incident.
SELECT id FROM alerts WHERE incident_id = %s AND id = ANY (%s)

-- name: move_all
-- Give every alert of one incident to another.
UPDATE alerts SET incident_id = %(to)s WHERE incident_id = %(from)s

-- name: move_some
-- Give some alerts of one incident to another.
UPDATE alerts SET incident_id = %(to)s WHERE incident_id = %(from)s AND id = ANY (%(ids)s)

-- name: move_parents
-- What stands beside alerts that were moved: to which aggregate each belongs.
UPDATE alert_parents p SET incident_id = %(to)s FROM alerts a
WHERE p.incident_id = %(from)s AND a.id = p.alert_id AND a.incident_id = %(to)s

-- name: looked_at
-- Alerts that came with a new incident were aggregated where they came from.
INSERT INTO aggregated_up_to (incident_id, received_at, alert_id)
SELECT incident_id, received_at, id FROM alerts WHERE incident_id = %s ORDER BY received_at DESC, id DESC LIMIT 1

-- name: recount
-- The counters, from the rows; and when the first of them began.
UPDATE incidents i SET alert_count = r.alerts, firing_count = r.firing, started_at = coalesce(r.first_at, i.started_at)
FROM (SELECT count(*) AS alerts, count(*) FILTER (WHERE ended_at IS NULL) AS firing, min(starts_at) AS first_at
      FROM alerts WHERE incident_id = %(id)s) AS r
WHERE i.id = %(id)s RETURNING i.*

-- name: describe
-- What its alerts say by now, the priority included.
UPDATE incidents SET title = %(title)s, signature = %(signature)s, service = %(service)s, priority = %(priority)s
WHERE id = %(id)s RETURNING *

-- name: end_merged
-- Over for good, with a pointer.
UPDATE incidents SET state = 'merged', merged_into = %(into)s, resolved_by = %(by)s,
  resolved_at = coalesce(resolved_at, store.now())
WHERE id = %(id)s

-- name: create_split
-- A new incident beside the one that its alerts were in; who has acknowledged that one has this one too.
INSERT INTO incidents (id, state, priority, group_key, environment, cluster, service, title, signature, started_at,
                       split_from, acknowledged_at, acknowledged_by, assignee, assigned_at)
SELECT %(id)s, CASE WHEN state = 'acknowledged' THEN state ELSE 'open' END, priority,
       group_key || '~' || %(id)s, environment, cluster, service, title, signature, started_at, number,
       CASE WHEN state = 'acknowledged' THEN acknowledged_at END,
       CASE WHEN state = 'acknowledged' THEN acknowledged_by END, assignee, assigned_at
FROM incidents WHERE id = %(from)s RETURNING *

-- name: claim_group
-- From now on alerts of this group join that incident, while it is open.
INSERT INTO incident_claims (kind, key, incident_id) VALUES ('group', %s, %s)
ON CONFLICT (kind, key) DO UPDATE SET incident_id = excluded.incident_id

-- name: claim_identities
-- From now on these alerts join the incident that has them, while it is open.
INSERT INTO incident_claims (kind, key, incident_id)
SELECT DISTINCT 'identity', identity, incident_id FROM alerts WHERE incident_id = %s
ON CONFLICT (kind, key) DO UPDATE SET incident_id = excluded.incident_id

-- name: hand_claims_over
-- What was to join one incident joins another.
UPDATE incident_claims SET incident_id = %(to)s WHERE incident_id = %(from)s

-- name: drop_group_claim
-- Alerts of this group go their usual way again.
DELETE FROM incident_claims WHERE kind = 'group' AND key = %s

-- name: forget_claims
-- Claims of incidents that are over.
DELETE FROM incident_claims c USING incidents i
WHERE i.id = c.incident_id AND i.resolved_at < store.now() - make_interval(secs => %s)

-- name: open_in_group
-- The open incident of a group.
SELECT number FROM incidents WHERE group_key = %s AND resolved_at IS NULL

-- name: story
-- The timelines of an incident and of all that were merged into it, as one.
WITH RECURSIVE family (id, number) AS (
  SELECT id, number FROM incidents WHERE id = %(id)s
  UNION SELECT i.id, i.number FROM incidents i JOIN family f ON i.merged_into = f.number
)
SELECT f.number AS incident, t.seq, t.at, t.kind, t.actor, t.reason, t.body
FROM family f JOIN timeline t ON t.incident_id = f.id
WHERE (%(at)s::timestamptz IS NULL OR (t.at, f.number, t.seq) > (%(at)s, %(number)s::bigint, %(seq)s::bigint))
ORDER BY t.at, f.number, t.seq LIMIT %(rows)s
