-- name: add
-- A team, if the name is free.
INSERT INTO teams (id, name, purpose) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING id

-- name: all
-- Every team with its members who work here, its services and its rota.
SELECT t.id, t.name, t.purpose, t.created_at, r.name AS rota,
       coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.name, 'role', p.role, 'since', m.since) ORDER BY p.name)
          FROM team_members m JOIN persons p ON p.id = m.person_id
          WHERE m.team_id = t.id AND p.disabled_at IS NULL), '[]') AS members,
       coalesce((SELECT jsonb_agg(s.service ORDER BY s.service) FROM team_services s WHERE s.team_id = t.id), '[]') AS services
FROM teams t LEFT JOIN rotas r ON r.team_id = t.id
WHERE %(name)s::text IS NULL OR t.name = %(name)s
ORDER BY t.name

-- name: lock
-- One team against everybody who changes it.
SELECT id, name, purpose FROM teams WHERE name = %s FOR NO KEY UPDATE

-- name: count
-- How many teams there are.
SELECT count(*) AS teams FROM teams

-- name: set_purpose
-- What a team is for.
UPDATE teams SET purpose = %s WHERE id = %s

-- name: clear_members
-- Members who are not named any more.
DELETE FROM team_members WHERE team_id = %s AND NOT person_id = ANY (%s)

-- name: add_member
-- A member, unless they are one.
INSERT INTO team_members (team_id, person_id) VALUES (%s, %s) ON CONFLICT DO NOTHING

-- name: clear_services
-- Services that are not named any more.
DELETE FROM team_services WHERE team_id = %s AND NOT service = ANY (%s)

-- name: add_service
-- A service, unless it has an owner.
INSERT INTO team_services (service, team_id) VALUES (%s, %s) ON CONFLICT DO NOTHING

-- name: owner
-- The team that owns a service.
SELECT t.id, t.name FROM team_services s JOIN teams t ON t.id = s.team_id WHERE s.service = %s

-- name: remove
-- A team, its memberships and ownerships.
DELETE FROM teams WHERE id = %s
