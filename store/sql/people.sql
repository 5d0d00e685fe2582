-- name: lock_house
-- Wait until nobody else furnishes the house.
SELECT pg_advisory_xact_lock(7203015)

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

-- name: get
-- One person, deactivated or not.
SELECT id, name, role, created_at, disabled_at FROM persons WHERE name = %s

-- name: lock
-- One person, deactivated or not, against everybody who changes them.
SELECT id, name, role, created_at, disabled_at FROM persons WHERE name = %s FOR NO KEY UPDATE

-- name: lock_admins
-- Every admin who works here, in one order, so that two of them cannot remove each other at once.
SELECT name FROM persons WHERE role = 'admin' AND disabled_at IS NULL ORDER BY name FOR NO KEY UPDATE

-- name: set_role
-- What a person may do from now on.
UPDATE persons SET role = %s WHERE id = %s

-- name: disable
-- A person who does not work here any more.
UPDATE persons SET disabled_at = store.now() WHERE id = %s AND disabled_at IS NULL RETURNING id

-- name: enable
-- A person who works here again.
UPDATE persons SET disabled_at = NULL WHERE id = %s AND disabled_at IS NOT NULL RETURNING id

-- name: revoke_keys
-- Every key of a person ends now.
UPDATE api_keys SET revoked_at = store.now() WHERE person_id = %s AND revoked_at IS NULL

-- name: end_codes
-- What a person could have used once, cannot be used any more.
UPDATE one_time_codes SET used_at = store.now() WHERE person_id = %s AND used_at IS NULL

-- name: unlink_chats
-- No chat account is this person any more.
UPDATE chat_identities SET revoked_at = store.now(), revoked_by = %s WHERE person_id = %s AND revoked_at IS NULL

-- name: credentials
-- By what a person can show who they are, without any of it.
SELECT (SELECT count(*) FROM api_keys WHERE person_id = p.id AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > store.now())) AS keys,
       (SELECT changed_at FROM passwords WHERE person_id = p.id) AS password_set_at,
       (SELECT confirmed_at FROM second_factors WHERE person_id = p.id) AS second_factor_since,
       (SELECT count(*) FROM recovery_codes WHERE person_id = p.id AND used_at IS NULL) AS recovery_codes
FROM persons p WHERE p.id = %s

-- name: sources
-- All sources.
SELECT id, kind, name, settings, created_at, disabled_at FROM sources ORDER BY name
