-- name: touch
-- Count exact repeats of open alerts.
SELECT store.touch_alerts(%s) AS identity

-- name: lock_fold
-- New, changed and ended alerts are decided by one transaction at a time.
SELECT pg_advisory_xact_lock(7203011)

-- name: lock_open
-- Lock open episodes in the order of their key.
SELECT 1 FROM alerts WHERE identity = ANY (%s) AND ended_at IS NULL ORDER BY identity FOR UPDATE

-- name: newest
-- The newest episode of each identity.
SELECT DISTINCT ON (identity) identity, incident_id, content_hash, severity, starts_at, ended_at, last_received_at
FROM alerts WHERE identity = ANY (%s) ORDER BY identity, (ended_at IS NULL) DESC, received_at DESC

-- name: insert
-- New episodes from one JSON parameter.
INSERT INTO alerts (id, incident_id, source, identity, name, class, severity, status, environment, cluster, service,
                    resource_id, labels, annotations, generator_url, content_hash, starts_at, occurrences)
SELECT id, incident_id, source, identity, name, class, severity, 'firing', environment, cluster, service,
       resource_id, labels, annotations, generator_url, content_hash, starts_at, coalesce(occurrences, 1)
FROM jsonb_to_recordset(%s) AS b (
  id uuid, incident_id uuid, source text, identity text, name text, class text, severity text, environment text,
  cluster text, service text, resource_id text, labels jsonb, annotations jsonb, generator_url text, content_hash text,
  starts_at timestamptz, occurrences integer)
ORDER BY identity

-- name: change
-- New content of open episodes from one JSON parameter.
UPDATE alerts a SET labels = b.labels, annotations = b.annotations, severity = b.severity, class = b.class,
  generator_url = b.generator_url, content_hash = b.content_hash, occurrences = a.occurrences + coalesce(b.occurrences, 1),
  last_received_at = store.now()
FROM jsonb_to_recordset(%s) AS b (
  identity text, labels jsonb, annotations jsonb, severity text, class text, generator_url text, content_hash text,
  occurrences integer)
WHERE a.identity = b.identity AND a.ended_at IS NULL

-- name: end
-- End open episodes, at the time the sender says, if that is neither before they began nor in the future.
UPDATE alerts a SET status = 'resolved', last_received_at = store.now(),
  ended_at = greatest(a.starts_at, least(coalesce(b.ends_at, store.now()), store.now()))
FROM jsonb_to_recordset(%s) AS b (identity text, ends_at timestamptz)
WHERE a.identity = b.identity AND a.ended_at IS NULL RETURNING a.incident_id, a.identity

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

-- name: resources
-- What an incident's alerts touch.
SELECT DISTINCT environment, cluster, service, resource_id, labels->>'instance' AS instance
FROM alerts WHERE incident_id = %s

-- name: counts
-- For metrics, from the indexes of open and of ended episodes; the last word about an ended one was its end.
SELECT open.firing,
       extract(epoch FROM greatest(open.last_at, (SELECT max(ended_at) FROM alerts WHERE ended_at IS NOT NULL))) AS last_at
FROM (SELECT count(*) AS firing, max(last_received_at) AS last_at FROM alerts WHERE ended_at IS NULL) AS open
