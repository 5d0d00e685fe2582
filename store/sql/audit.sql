-- name: write
-- One audit row.
INSERT INTO audit (actor, action, subject, from_state, to_state, reason, token, detail)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)

-- name: of_subject
-- The history of one subject.
SELECT id, at, actor, action, from_state, to_state, reason, token, detail FROM audit WHERE subject = %s ORDER BY id
