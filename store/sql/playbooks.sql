-- name: newest_of
-- The newest version of one playbook.
SELECT version, digest FROM playbooks WHERE id = %s ORDER BY version DESC LIMIT 1

-- name: put
-- A new version.
INSERT INTO playbooks (id, version, body, digest, source, created_by) VALUES (%s, %s, %s, %s, %s, %s)

-- name: newest
-- The newest version of every playbook.
SELECT DISTINCT ON (id) id, version, body, source, created_by, created_at FROM playbooks ORDER BY id, version DESC

-- name: version
-- One version.
SELECT id, version, body, source, created_by, created_at FROM playbooks WHERE id = %s AND version = %s
