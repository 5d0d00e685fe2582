-- name: add
-- A person stands for a playbook.
INSERT INTO standing_approvals (id, playbook_id, playbook_version, person_id, reason, environments, services,
                                actions_per_hour_max, expires_at)
VALUES (%(id)s, %(playbook_id)s, %(playbook_version)s, %(person_id)s, %(reason)s, %(environments)s, %(services)s,
        %(actions_per_hour_max)s, store.now() + make_interval(secs => %(expires_s)s))
RETURNING id

-- name: get
-- One of them.
SELECT * FROM standing_now WHERE id = %s

-- name: page
-- All, or only those that hold, newest first.
SELECT * FROM standing_now WHERE (%(before)s::uuid IS NULL OR id < %(before)s) AND (%(all)s OR is_live)
ORDER BY id DESC LIMIT %(rows)s

-- name: live
-- Those of a playbook that hold, oldest first.
SELECT * FROM standing_now WHERE playbook_id = %s AND is_live ORDER BY id LIMIT 100

-- name: end
-- Take it back, once.
UPDATE standing_approvals SET ended_at = store.now(), ended_by = %(by)s WHERE id = %(id)s AND ended_at IS NULL
RETURNING playbook_id
