-- name: add
-- A key of a person.
INSERT INTO api_keys (id, digest, hint, person_id, label, created_by, expires_at)
VALUES (%(id)s, %(digest)s, %(hint)s, %(person_id)s, %(label)s, %(by)s,
        store.now() + make_interval(secs => %(expires_s)s::double precision))
RETURNING id, hint, label, created_by, created_at, expires_at

-- name: in_use
-- The keys of a person that open anything, newest first, by their last characters.
SELECT id, hint, label, created_by, created_at, expires_at FROM api_keys
WHERE person_id = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > store.now())
ORDER BY created_at DESC, id DESC

-- name: revoke
-- A key that opens nothing any more.
UPDATE api_keys SET revoked_at = store.now() WHERE id = %s AND person_id = %s AND revoked_at IS NULL RETURNING hint

-- name: exists
-- Whether a person has, or had, such a key.
SELECT id FROM api_keys WHERE id = %s AND person_id = %s
