-- name: standing
-- What is set aside from the usual grouping, in one trip: incidents that claim these groups or identities, and learned
-- dependencies of these services. The claiming incidents are locked, so that none is resolved meanwhile.
WITH claims AS (
  SELECT c.kind, c.key, i.id FROM incident_claims c JOIN incidents i ON i.id = c.incident_id
  WHERE (c.kind, c.key) IN (SELECT 'group', unnest(%(groups)s::text[]) UNION ALL SELECT 'identity', jsonb_array_elements_text(%(identities)s))
    AND i.resolved_at IS NULL
  ORDER BY i.id FOR UPDATE OF i
)
SELECT kind, key, id::text AS target FROM claims
UNION ALL
SELECT 'edge', service, depends_on FROM dependencies
WHERE (service = ANY (%(services)s) OR depends_on = ANY (%(services)s))
  AND last_seen > store.now() - make_interval(secs => %(keep_s)s)

-- name: learn
-- Edges from one JSON parameter: those that are known are seen again, new ones come while there is room.
INSERT INTO dependencies (service, depends_on, label, source)
SELECT b.service, b.depends_on, b.label, b.source
FROM jsonb_to_recordset(%(edges)s) AS b (service text, depends_on text, label text, source text)
WHERE (SELECT count(*) FROM dependencies) < %(edges_max)s
   OR EXISTS (SELECT 1 FROM dependencies d WHERE d.service = b.service AND d.depends_on = b.depends_on)
ORDER BY b.service, b.depends_on
ON CONFLICT (service, depends_on)
DO UPDATE SET last_seen = store.now(), label = excluded.label, source = excluded.source

-- name: page
-- All that is not too old.
SELECT service, depends_on, label, source, first_seen, last_seen FROM dependencies
WHERE last_seen > store.now() - make_interval(secs => %(keep_s)s) ORDER BY service, depends_on LIMIT %(rows)s

-- name: forget
-- What was not seen for long.
DELETE FROM dependencies WHERE last_seen < store.now() - make_interval(secs => %s)
