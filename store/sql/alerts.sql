-- name: touch
-- Count exact repeats of open alerts.
SELECT store.touch_alerts(ARRAY(SELECT jsonb_array_elements_text(%s)), ARRAY(SELECT jsonb_array_elements_text(%s)),
                          string_to_array(%s, ',')::integer[]) AS missed

-- name: lock_fold
-- What opens and moves incidents is decided by one transaction at a time.
SELECT pg_advisory_xact_lock(7203011)

-- name: begin_fold
-- The turn to decide what opens and ends alerts, and the newest episode of each identity.
SELECT moment, identity, content_hash, starts_at, ended_at, last_received_at FROM store.begin_fold(%s, %s)

-- name: change
-- New content of open episodes from one JSON parameter.
SELECT missed, rising FROM store.change_alerts(%s, %s)

-- name: end
-- End open episodes.
SELECT identity, incident_id FROM store.end_alerts(%s)

-- name: open_of_source
-- What a source has open.
SELECT identity, labels, starts_at FROM alerts WHERE source = %s AND ended_at IS NULL

-- name: firing_elsewhere
-- Open alerts that others than one source speak for.
SELECT count(*) AS firing FROM alerts WHERE incident_id = %s AND ended_at IS NULL AND source <> %s

-- name: of_incident
-- The alerts of an incident, firing ones first.
SELECT id, name, class, severity, status, service, resource_id, labels, annotations, generator_url, starts_at,
       ended_at, received_at, last_received_at, occurrences, source, identity
FROM alerts WHERE incident_id = %s ORDER BY (ended_at IS NULL) DESC, received_at, id LIMIT %s

-- name: summary
-- Counts by what people and signatures look at.
SELECT name, class, severity, service, count(*) AS alerts, count(*) FILTER (WHERE ended_at IS NULL) AS firing,
       min(starts_at) AS first_at
FROM alerts WHERE incident_id = %s GROUP BY name, class, severity, service ORDER BY count(*) DESC, name

-- name: summaries
-- What the newest firing alert of each name and service says of itself, in its first 500 characters.
SELECT DISTINCT ON (name, service) name, service,
       left(coalesce(nullif(annotations->>'summary', ''), annotations->>'description', ''), 500) AS text
FROM alerts WHERE incident_id = %s AND ended_at IS NULL ORDER BY name, service, received_at DESC, id DESC LIMIT 100

-- name: resources
-- What an incident's alerts touch.
SELECT DISTINCT environment, cluster, service, resource_id, labels->>'instance' AS instance
FROM alerts WHERE incident_id = %s

-- name: counts
-- For metrics, from the indexes of open and of ended episodes; the last word about an ended one was its end.
SELECT open.firing,
       extract(epoch FROM greatest(open.last_at, (SELECT max(ended_at) FROM alerts WHERE ended_at IS NOT NULL))) AS last_at
FROM (SELECT count(*) AS firing, max(last_received_at) AS last_at FROM alerts WHERE ended_at IS NULL) AS open
