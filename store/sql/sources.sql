-- name: by_name
-- One source that may send.
SELECT id, kind, name, settings FROM sources WHERE name = %s AND disabled_at IS NULL

-- name: configure
-- Keep the settings of a source.
UPDATE sources SET settings = %s WHERE id = %s

-- name: get
-- One source, disabled or not, against everybody who changes it.
SELECT id, kind, name, settings, created_at, disabled_at FROM sources WHERE name = %s FOR UPDATE

-- name: keys
-- The keys of a source that open anything, newest first, by their last characters.
SELECT hint, created_at, expires_at FROM api_keys
WHERE source_id = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > store.now())
ORDER BY created_at DESC, id DESC

-- name: end_keys
-- Let the keys that there are end after a while; none of them lives longer by this.
UPDATE api_keys SET expires_at = least(expires_at, store.now() + make_interval(secs => %(overlap_s)s))
WHERE source_id = %(id)s AND revoked_at IS NULL

-- name: disable
-- Nothing of it is taken any more.
UPDATE sources SET disabled_at = store.now() WHERE id = %s AND disabled_at IS NULL RETURNING id

-- name: enable
-- Its keys open again what they opened.
UPDATE sources SET disabled_at = NULL WHERE id = %s AND disabled_at IS NOT NULL RETURNING id
