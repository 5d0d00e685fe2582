-- name: begin
-- A factor that is not confirmed yet, in place of another such one.
INSERT INTO second_factors (person_id, sealed) VALUES (%s, %s)
ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed, created_at = store.now(), last_step = 0
  WHERE second_factors.confirmed_at IS NULL
RETURNING person_id

-- name: get
-- The factor of a person, against being used twice at once; `is_fresh`: begun lately.
SELECT sealed, last_step, confirmed_at, created_at > store.now() - make_interval(secs => %(fresh_s)s) AS is_fresh
FROM second_factors WHERE person_id = %(person_id)s FOR UPDATE

-- name: take_step
-- A code of this time step was used; none of it or of an older one is good any more.
UPDATE second_factors SET last_step = %(step)s WHERE person_id = %(person_id)s AND last_step < %(step)s RETURNING person_id

-- name: confirm
-- The app shows the right codes.
UPDATE second_factors SET confirmed_at = store.now() WHERE person_id = %s AND confirmed_at IS NULL RETURNING person_id

-- name: remove
-- No second factor any more.
DELETE FROM second_factors WHERE person_id = %s RETURNING confirmed_at

-- name: forget_codes
-- The recovery codes of a person.
DELETE FROM recovery_codes WHERE person_id = %s

-- name: add_code
-- A recovery code.
INSERT INTO recovery_codes (person_id, digest) VALUES (%s, %s)

-- name: take_code
-- A recovery code is used, once.
UPDATE recovery_codes SET used_at = store.now() WHERE person_id = %s AND digest = %s AND used_at IS NULL RETURNING person_id

-- name: codes_left
-- How many are left.
SELECT count(*) AS codes FROM recovery_codes WHERE person_id = %s AND used_at IS NULL
