-- name: end_older
-- Of each purpose a person has one code at most.
UPDATE one_time_codes SET used_at = store.now() WHERE person_id = %s AND purpose = %s AND used_at IS NULL

-- name: add
-- A code, by its digest.
INSERT INTO one_time_codes (digest, purpose, person_id, created_by, expires_at)
VALUES (%(digest)s, %(purpose)s, %(person_id)s, %(by)s, store.now() + make_interval(secs => %(lives_s)s)) RETURNING expires_at

-- name: holder
-- Whose code this is, if it is neither used nor over and they work here.
SELECT p.id, p.name, p.role FROM one_time_codes c JOIN persons p ON p.id = c.person_id
WHERE c.digest = %s AND c.purpose = %s AND c.used_at IS NULL AND c.expires_at > store.now() AND p.disabled_at IS NULL

-- name: take
-- The code is used, once.
UPDATE one_time_codes c SET used_at = store.now() FROM persons p
WHERE c.digest = %s AND c.purpose = %s AND c.used_at IS NULL AND c.expires_at > store.now()
  AND p.id = c.person_id AND p.disabled_at IS NULL
RETURNING p.id, p.name, p.role
