-- name: begin_position
-- An incident whose alerts nobody has looked at yet.
INSERT INTO aggregated_up_to (incident_id) VALUES (%s) ON CONFLICT DO NOTHING

-- name: lock_position
-- Where to go on.
SELECT received_at, alert_id FROM aggregated_up_to WHERE incident_id = %s FOR UPDATE

-- name: alerts_after
-- The next alerts in the order of their receipt.
SELECT id, resource_id, received_at FROM alerts
WHERE incident_id = %s AND (received_at, id) > (%s, %s) ORDER BY received_at, id LIMIT %s

-- name: move_position
-- Where to go on the next time.
UPDATE aggregated_up_to SET received_at = %s, alert_id = %s WHERE incident_id = %s

-- name: begin_recent
-- Resources that are new, in the order of their ids.
INSERT INTO recent_alerts (resource_id) SELECT id FROM unnest(%s::text[]) AS id ORDER BY id ON CONFLICT DO NOTHING

-- name: lock_recent
-- What is remembered of resources.
SELECT r.resource_id, r.singles, r.aggregate_id, g.count, g.last_at FROM recent_alerts r
LEFT JOIN aggregates g ON g.id = r.aggregate_id
WHERE r.resource_id = ANY (%s) ORDER BY r.resource_id FOR UPDATE OF r

-- name: keep_recent
-- What to remember of resources, from one JSON parameter.
UPDATE recent_alerts r SET singles = b.singles, aggregate_id = b.aggregate_id, last_at = store.now()
FROM jsonb_to_recordset(%s) AS b (resource_id text, singles jsonb, aggregate_id uuid)
WHERE r.resource_id = b.resource_id

-- name: put
-- Begin aggregates or let them grow, from one JSON parameter.
INSERT INTO aggregates (id, resource_id, incident_id, count, began_at, last_at)
SELECT id, resource_id, incident_id, count, began_at, last_at FROM jsonb_to_recordset(%s) AS b (
  id uuid, resource_id text, incident_id uuid, count integer, began_at timestamptz, last_at timestamptz)
ON CONFLICT (id) DO UPDATE SET count = excluded.count, last_at = excluded.last_at

-- name: add_children
-- A child has one parent for ever.
INSERT INTO alert_parents (alert_id, aggregate_id, incident_id)
SELECT alert_id, aggregate_id, incident_id
FROM jsonb_to_recordset(%s) AS b (alert_id uuid, aggregate_id uuid, incident_id uuid)
ON CONFLICT DO NOTHING

-- name: of_incident
-- Aggregates with children in an incident.
SELECT id, resource_id, count, began_at, last_at FROM aggregates
WHERE id IN (SELECT aggregate_id FROM alert_parents WHERE incident_id = %s)
ORDER BY count DESC, began_at, id LIMIT %s

-- name: forget
-- Resources that were quiet for long.
DELETE FROM recent_alerts WHERE last_at < store.now() - make_interval(secs => %s)
