-- name: newest
-- The policy that rules now.
SELECT version, body, digest, applied_at, applied_by FROM policies ORDER BY version DESC LIMIT 1

-- name: version
-- One version.
SELECT version, body, digest, applied_at, applied_by FROM policies WHERE version = %s

-- name: page
-- The versions, newest first.
SELECT version, body, digest, applied_at, applied_by FROM policies
WHERE %(before)s::integer IS NULL OR version < %(before)s ORDER BY version DESC LIMIT %(rows)s

-- name: apply
-- A new version.
INSERT INTO policies (body, digest, applied_by) VALUES (%s, %s, %s)
RETURNING version, body, digest, applied_at, applied_by

-- name: ruling
-- The number that approvals are bound to: the newest change of the site or of the policy.
SELECT greatest((SELECT max(version) FROM site), (SELECT max(version) FROM policies), 0) AS version

