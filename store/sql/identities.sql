-- name: link
-- An account on a chat platform is this person from now on, unless it is somebody.
INSERT INTO chat_identities (id, person_id, platform, workspace, account)
VALUES (%(id)s, %(person_id)s, %(platform)s, %(workspace)s, %(account)s) ON CONFLICT DO NOTHING RETURNING id

-- name: linked
-- Who an account is linked to, whether they work here or not.
SELECT i.id, i.platform, i.workspace, i.account, i.linked_at, i.person_id, p.name
FROM chat_identities i JOIN persons p ON p.id = i.person_id
WHERE i.platform = %(platform)s AND i.workspace = %(workspace)s AND i.account = %(account)s AND i.revoked_at IS NULL

-- name: person
-- The person who works here that an account is.
SELECT p.id, p.name, p.role FROM chat_identities i JOIN persons p ON p.id = i.person_id
WHERE i.platform = %(platform)s AND i.workspace = %(workspace)s AND i.account = %(account)s AND i.revoked_at IS NULL
  AND p.disabled_at IS NULL

-- name: of_person
-- The accounts of a person, the last linked one first.
SELECT id, platform, workspace, account, linked_at FROM chat_identities
WHERE person_id = %s AND revoked_at IS NULL ORDER BY linked_at DESC, id DESC

-- name: revoke
-- An account of a person is nobody from now on.
UPDATE chat_identities SET revoked_at = store.now(), revoked_by = %(by)s
WHERE id = %(id)s AND person_id = %(person_id)s AND revoked_at IS NULL RETURNING platform, workspace, account

-- name: exists
-- Whether a person has, or had, such an account.
SELECT id FROM chat_identities WHERE id = %s AND person_id = %s
