-- name: add
-- A place to reach a person, unless they have it.
INSERT INTO push_targets (id, person_id, kind, address) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
RETURNING id, kind, address, created_at, verified_at

-- name: of_person
-- Where a person can be reached.
SELECT id, kind, address, created_at, verified_at FROM push_targets WHERE person_id = %s ORDER BY kind, address

-- name: verify
-- It was shown that the person reads what is sent there.
UPDATE push_targets SET verified_at = coalesce(verified_at, store.now()) WHERE id = %s AND person_id = %s RETURNING id

-- name: remove
-- Nothing is sent there any more.
DELETE FROM push_targets WHERE id = %s AND person_id = %s RETURNING kind
