-- name: newest
-- The description that rules now.
SELECT version, body, digest, applied_at, applied_by FROM site ORDER BY version DESC LIMIT 1

-- name: apply
-- A new version.
INSERT INTO site (body, digest, applied_by) VALUES (%s, %s, %s) RETURNING version

-- name: switch
-- One switch.
SELECT is_on, reason, changed_by, changed_at FROM switches WHERE name = %s

-- name: set_switch
-- Turn a switch.
INSERT INTO switches (name, is_on, reason, changed_by) VALUES (%s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on, reason = excluded.reason, changed_by = excluded.changed_by,
  changed_at = store.now()
