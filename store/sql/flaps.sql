-- name: changes
-- When the firing alerts of an incident began and ended within the window.
SELECT a.identity, a.name, f.identity IS NOT NULL AS flaps, c.times
FROM (
  SELECT identity, name FROM alerts WHERE incident_id = %(incident)s AND ended_at IS NULL
  ORDER BY received_at, id LIMIT %(rows)s
) a
LEFT JOIN flaps f ON f.identity = a.identity
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(t.at), '{}') AS times FROM (
    SELECT received_at, ended_at FROM alerts e WHERE e.identity = a.identity AND ended_at IS NULL
    UNION ALL
    (SELECT received_at, ended_at FROM alerts e WHERE e.identity = a.identity AND ended_at IS NOT NULL
     ORDER BY received_at DESC LIMIT %(episodes)s)
  ) e CROSS JOIN LATERAL (VALUES (e.received_at), (e.ended_at)) t (at)
  WHERE t.at > store.now() - make_interval(secs => %(window)s)
) c

-- name: changes_of
-- When one alert began and ended within the window.
SELECT coalesce(array_agg(t.at), '{}') AS times FROM (
  SELECT received_at, ended_at FROM alerts WHERE identity = %(identity)s AND ended_at IS NULL
  UNION ALL
  (SELECT received_at, ended_at FROM alerts WHERE identity = %(identity)s AND ended_at IS NOT NULL
   ORDER BY received_at DESC LIMIT %(episodes)s)
) e CROSS JOIN LATERAL (VALUES (e.received_at), (e.ended_at)) t (at)
WHERE t.at > store.now() - make_interval(secs => %(window)s)

-- name: get
-- One that flaps.
SELECT identity, incident_id, name, began_at FROM flaps WHERE identity = %s

-- name: keep
-- Flapping begins, or goes on in another incident.
INSERT INTO flaps (incident_id, identity, name)
SELECT %s, identity, name FROM jsonb_to_recordset(%s) AS b (identity text, name text) ORDER BY identity
ON CONFLICT (identity) DO UPDATE SET incident_id = excluded.incident_id
WHERE flaps.incident_id <> excluded.incident_id

-- name: settle
-- One settled.
DELETE FROM flaps WHERE identity = %s

-- name: of_incident
-- What flaps in an incident.
SELECT identity, name, began_at FROM flaps WHERE incident_id = %s ORDER BY began_at, identity

-- name: only
-- Is everything that fires in an incident known to flap?
SELECT EXISTS (SELECT FROM alerts WHERE incident_id = %s AND ended_at IS NULL)
   AND NOT EXISTS (
     SELECT FROM alerts a WHERE a.incident_id = %s AND a.ended_at IS NULL
       AND NOT EXISTS (SELECT FROM flaps f WHERE f.identity = a.identity)
   ) AS only_flaps
