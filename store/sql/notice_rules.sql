-- name: create
-- The first version.
INSERT INTO notice_rules (id, kind, body, starts_at, ends_at, created_by, updated_by)
VALUES (%(id)s, %(kind)s, %(body)s, %(starts_at)s, %(ends_at)s, %(by)s, %(by)s) RETURNING *

-- name: update
-- The next version of one that is not over.
UPDATE notice_rules SET version = version + 1, body = %(body)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
  updated_by = %(by)s, updated_at = store.now()
WHERE id = %(id)s AND kind = %(kind)s AND (ends_at IS NULL OR ends_at > store.now()) RETURNING *

-- name: expire
-- The end, now; one that has not begun never does.
UPDATE notice_rules SET version = version + 1, starts_at = least(starts_at, store.now()), ends_at = store.now(),
  updated_by = %(by)s, updated_at = store.now()
WHERE id = %(id)s AND kind = %(kind)s AND (ends_at IS NULL OR ends_at > store.now()) RETURNING *

-- name: keep
-- Keep a version for ever.
INSERT INTO notice_rule_versions (id, version, body, starts_at, ends_at, written_by)
SELECT id, version, body, starts_at, ends_at, updated_by FROM notice_rules WHERE id = %s

-- name: get
-- One of a kind, locked against a second writer.
SELECT * FROM notice_rules WHERE id = %s AND kind = %s FOR UPDATE

-- name: versions
-- Every version of one, oldest first.
SELECT * FROM notice_rule_versions WHERE id = %s ORDER BY version

-- name: page
-- Newest first; only those that are not over where asked for.
SELECT * FROM notice_rules
WHERE kind = %(kind)s AND (%(ended)s OR ends_at IS NULL OR ends_at > store.now())
  AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(rows)s

-- name: in_force
-- What has begun and is not over.
SELECT * FROM notice_rules
WHERE kind = ANY (%s) AND starts_at <= store.now() AND (ends_at IS NULL OR ends_at > store.now()) ORDER BY id

-- name: not_over
-- How many of a kind are not over.
SELECT count(*) AS rules FROM notice_rules WHERE kind = %s AND (ends_at IS NULL OR ends_at > store.now())

-- name: hear_again
-- Pages that are held back are looked at again at once.
UPDATE due SET due_at = least(due_at, store.now()) WHERE kind = 'page_incident' AND key IN (
  SELECT key FROM due WHERE kind = 'page_incident' ORDER BY key FOR UPDATE
)
