-- name: newest_of
-- The newest version of one playbook, whatever its status.
SELECT version, body, digest, status, source FROM playbooks WHERE id = %s ORDER BY version DESC LIMIT 1

-- name: newest_from
-- What a source said last of one playbook.
SELECT version, digest FROM playbooks WHERE id = %s AND source = %s ORDER BY version DESC LIMIT 1

-- name: put
-- A new version.
INSERT INTO playbooks (id, version, body, digest, source, created_by, status) VALUES (%s, %s, %s, %s, %s, %s, %s)

-- name: newest
-- The version of every playbook that rules: the newest that is no draft, where that was not withdrawn.
SELECT * FROM (
  SELECT DISTINCT ON (id) id, version, body, source, created_by, created_at, status FROM playbooks
  WHERE status <> 'draft' ORDER BY id, version DESC) p
WHERE status = 'published' ORDER BY id

-- name: latest
-- The newest version of every playbook, whatever its status.
SELECT DISTINCT ON (id) id, version, body, source, created_by, created_at, status FROM playbooks
ORDER BY id, version DESC

-- name: version
-- One version.
SELECT id, version, body, source, created_by, created_at, status FROM playbooks WHERE id = %s AND version = %s

-- name: versions
-- All versions of one, newest first.
SELECT id, version, body, source, created_by, created_at, status FROM playbooks WHERE id = %s
ORDER BY version DESC LIMIT %s
