-- name: add
-- A rota, if neither the name nor the team has one.
INSERT INTO rotas (id, name, team_id, fallback, body, updated_by)
VALUES (%(id)s, %(name)s, %(team_id)s, %(fallback)s, %(body)s, %(by)s) ON CONFLICT DO NOTHING RETURNING id

-- name: change
-- The next version.
UPDATE rotas SET version = version + 1, team_id = %(team_id)s, fallback = %(fallback)s, body = %(body)s,
  updated_by = %(by)s, updated_at = store.now() WHERE id = %(id)s

-- name: all
-- Rotas in the order of their names, with the overrides that are not over.
SELECT r.id, r.name, t.name AS team, r.fallback, r.body, r.version, r.updated_by, r.updated_at,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', o.id, 'person', o.person, 'starts_at', o.starts_at,
          'ends_at', o.ends_at, 'reason', o.reason, 'created_by', o.created_by) ORDER BY o.id)
          FROM rota_overrides o WHERE o.rota_id = r.id AND o.ends_at > least(%(since)s::timestamptz, store.now())), '[]') AS overrides
FROM rotas r LEFT JOIN teams t ON t.id = r.team_id
WHERE %(name)s::text IS NULL OR r.name = %(name)s
ORDER BY r.name

-- name: lock
-- One rota against everybody who changes it.
SELECT id, name, team_id, version FROM rotas WHERE name = %s FOR NO KEY UPDATE

-- name: of_team
-- The rota of a team; of the whole house where no team is named.
SELECT name FROM rotas WHERE team_id IS NOT DISTINCT FROM %s

-- name: with_fallback
-- The rotas that fall back on a person.
SELECT name FROM rotas WHERE fallback = %s ORDER BY name

-- name: remove
-- A rota with its overrides.
DELETE FROM rotas WHERE id = %s

-- name: gone
-- Who does not work here any more.
SELECT name FROM persons WHERE disabled_at IS NOT NULL ORDER BY name

-- name: overrides
-- How many overrides of a rota are not over.
SELECT count(*) AS overrides FROM rota_overrides WHERE rota_id = %s AND ends_at > store.now()

-- name: override
-- Somebody stands in for whoever it would be.
INSERT INTO rota_overrides (id, rota_id, person, starts_at, ends_at, reason, created_by)
VALUES (%(id)s, %(rota_id)s, %(person)s, %(starts_at)s, %(ends_at)s, %(reason)s, %(by)s)
RETURNING id, person, starts_at, ends_at, reason, created_by

-- name: end_override
-- An override that has begun ends now; the past stays as it was.
UPDATE rota_overrides SET ends_at = store.now()
WHERE id = %(id)s AND rota_id = %(rota_id)s AND starts_at < store.now() AND ends_at > store.now() RETURNING person

-- name: drop_override
-- An override that has not begun never does.
DELETE FROM rota_overrides WHERE id = %(id)s AND rota_id = %(rota_id)s AND starts_at >= store.now() RETURNING person
