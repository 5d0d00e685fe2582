-- name: of_name
-- A person who works here, with the hash of their password and whether they have a second factor.
SELECT p.id, p.name, p.role, w.hash, f.confirmed_at IS NOT NULL AS has_factor
FROM persons p LEFT JOIN passwords w ON w.person_id = p.id LEFT JOIN second_factors f ON f.person_id = p.id
WHERE p.name = %s AND p.disabled_at IS NULL

-- name: put
-- The hash of a person's password.
INSERT INTO passwords (person_id, hash) VALUES (%s, %s)
ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, changed_at = store.now()

-- name: put_first
-- The hash of the first password of a person; none where they have one.
INSERT INTO passwords (person_id, hash) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING person_id

-- name: renew
-- The same password, hashed anew with the parameters of today.
UPDATE passwords SET hash = %s WHERE person_id = %s AND hash = %s
