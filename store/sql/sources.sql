-- name: by_name
-- One source that may send.
SELECT id, kind, name, settings FROM sources WHERE name = %s AND disabled_at IS NULL

-- name: configure
-- Keep the settings of a source.
UPDATE sources SET settings = %s WHERE id = %s
