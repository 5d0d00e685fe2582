-- Who works here: teams and what they own, how people prove who they are, and who is on call.
-- Persons are never deleted and names never change, so that history goes on to say who did what.

ALTER TABLE api_keys
  ADD COLUMN label      text NOT NULL DEFAULT '',
  ADD COLUMN created_by text NOT NULL DEFAULT '';
CREATE INDEX api_keys_by_person ON api_keys (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE teams (
  id         uuid PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  purpose    text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT store.now()
);
CREATE TABLE team_members (
  team_id   uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
  person_id uuid NOT NULL REFERENCES persons,
  since     timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (team_id, person_id)
);
CREATE INDEX team_members_by_person ON team_members (person_id);

-- A service has at most one owner, so that there is one answer to whom to ask.
CREATE TABLE team_services (
  service text PRIMARY KEY,
  team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE
);
CREATE INDEX team_services_by_team ON team_services (team_id);

-- A rota is a team's, or (without one) that of the whole house. Names of persons in `body` were checked when it was written.
CREATE TABLE rotas (
  id         uuid PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  team_id    uuid REFERENCES teams,
  fallback   text NOT NULL REFERENCES persons (name) ON UPDATE CASCADE,
  body       jsonb NOT NULL,
  version    integer NOT NULL DEFAULT 1,
  updated_by text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT store.now(),
  UNIQUE NULLS NOT DISTINCT (team_id)
);
CREATE TABLE rota_overrides (
  id         uuid PRIMARY KEY,
  rota_id    uuid NOT NULL REFERENCES rotas ON DELETE CASCADE,
  person     text NOT NULL REFERENCES persons (name) ON UPDATE CASCADE,
  starts_at  timestamptz NOT NULL,
  ends_at    timestamptz NOT NULL,
  reason     text NOT NULL DEFAULT '',
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT store.now(),
  CHECK (starts_at < ends_at)
);
CREATE INDEX rota_overrides_to_come ON rota_overrides (rota_id, ends_at);

-- Argon2id of the password, with its parameters.
CREATE TABLE passwords (
  person_id  uuid PRIMARY KEY REFERENCES persons,
  hash       text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT store.now()
);

-- The secret of the authenticator app is sealed with a key that is not in the database. `last_step` is the newest time
-- step whose code was taken: neither it nor an older one is taken again.
CREATE TABLE second_factors (
  person_id    uuid PRIMARY KEY REFERENCES persons,
  sealed       bytea NOT NULL,
  last_step    bigint NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT store.now(),
  confirmed_at timestamptz
);
CREATE TABLE recovery_codes (
  person_id uuid NOT NULL REFERENCES persons,
  digest    bytea NOT NULL,
  used_at   timestamptz,
  PRIMARY KEY (person_id, digest)
);

-- Who is logged in, by the SHA-256 of what their cookie holds.
CREATE TABLE sessions (
  id            uuid PRIMARY KEY,
  digest        bytea NOT NULL UNIQUE,
  person_id     uuid NOT NULL REFERENCES persons,
  second_factor boolean NOT NULL,
  address       text NOT NULL,
  client        text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT store.now(),
  last_seen_at  timestamptz NOT NULL DEFAULT store.now(),
  expires_at    timestamptz NOT NULL,
  ended_at      timestamptz,
  ended_why     text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_by_person ON sessions (person_id, created_at DESC);

-- What may be used once by whoever holds it: to set a password, or to link a chat account. Only digests are kept.
CREATE TABLE one_time_codes (
  digest     bytea PRIMARY KEY,
  purpose    text NOT NULL,
  person_id  uuid NOT NULL REFERENCES persons,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT store.now(),
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
CREATE INDEX one_time_codes_by_person ON one_time_codes (person_id, purpose);

-- Guesses of the last minutes; what was right is taken out again.
CREATE TABLE guesses (
  id      uuid PRIMARY KEY,
  subject text NOT NULL,
  at      timestamptz NOT NULL DEFAULT store.now()
);
CREATE INDEX guesses_by_subject ON guesses (subject, at);
CREATE INDEX guesses_by_time ON guesses (at);

-- Which person an account on a chat platform is; one account is one person at most.
CREATE TABLE chat_identities (
  id         uuid PRIMARY KEY,
  person_id  uuid NOT NULL REFERENCES persons,
  platform   text NOT NULL,
  workspace  text NOT NULL,
  account    text NOT NULL,
  linked_at  timestamptz NOT NULL DEFAULT store.now(),
  revoked_at timestamptz,
  revoked_by text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX chat_identities_one_person ON chat_identities (platform, workspace, account) WHERE revoked_at IS NULL;
CREATE INDEX chat_identities_by_person ON chat_identities (person_id);

-- Where a person can be reached beyond the shared channels; nothing is sent to what is not verified.
CREATE TABLE push_targets (
  id          uuid PRIMARY KEY,
  person_id   uuid NOT NULL REFERENCES persons,
  kind        text NOT NULL,
  address     text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT store.now(),
  verified_at timestamptz,
  UNIQUE (person_id, kind, address)
);
