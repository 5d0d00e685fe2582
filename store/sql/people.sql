-- name: add_person
-- A person, if the name is free.
INSERT INTO persons (id, name, role) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING id

-- name: add_source
-- A source, if the name is free.
INSERT INTO sources (id, kind, name) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING id

-- name: add_key
-- The digest of a key.
INSERT INTO api_keys (id, digest, hint, person_id, source_id) VALUES (%s, %s, %s, %s, %s)

-- name: holder
-- Who holds a key that is neither revoked nor over, if neither they nor it is disabled.
SELECT CASE WHEN p.id IS NOT NULL THEN 'person' ELSE 'source' END AS kind, s.kind AS source_kind, coalesce(p.id, s.id) AS id,
       coalesce(p.name, s.name) AS name, coalesce(p.role, 'machine') AS role
FROM api_keys k LEFT JOIN persons p ON p.id = k.person_id LEFT JOIN sources s ON s.id = k.source_id
WHERE k.digest = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > store.now())
  AND p.disabled_at IS NULL AND s.disabled_at IS NULL

-- name: persons
-- All persons.
SELECT id, name, role, created_at, disabled_at FROM persons ORDER BY name

-- name: sources
-- All sources.
SELECT id, kind, name, settings, created_at, disabled_at FROM sources ORDER BY name
