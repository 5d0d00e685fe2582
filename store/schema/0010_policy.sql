-- The policy in versions, standing approvals, and playbooks that are drafts or withdrawn.

-- One line of numbers with the site: an approval is bound to the larger of both, so a change of either voids it.
CREATE TABLE policies (
  version    integer PRIMARY KEY DEFAULT nextval(pg_get_serial_sequence('site', 'version')),
  body       jsonb NOT NULL,
  digest     text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT store.now(),
  applied_by text NOT NULL
);
CREATE TRIGGER policies_rows BEFORE UPDATE OR DELETE ON policies
  FOR EACH ROW EXECUTE FUNCTION store.refuse_change();
CREATE TRIGGER policies_whole BEFORE TRUNCATE ON policies
  FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change();

-- A named person lets one version of a playbook act without being asked again, within limits and for a time.
CREATE TABLE standing_approvals (
  id                   uuid PRIMARY KEY,
  playbook_id          text NOT NULL,
  playbook_version     integer NOT NULL,
  person_id            uuid NOT NULL REFERENCES persons,
  reason               text NOT NULL CHECK (reason <> ''),
  environments         text[] NOT NULL DEFAULT '{*}',
  services             text[] NOT NULL DEFAULT '{*}',
  actions_per_hour_max integer NOT NULL CHECK (actions_per_hour_max > 0),
  created_at           timestamptz NOT NULL DEFAULT store.now(),
  expires_at           timestamptz NOT NULL,
  ended_at             timestamptz,
  ended_by             text,
  FOREIGN KEY (playbook_id, playbook_version) REFERENCES playbooks (id, version)
);
CREATE INDEX standing_approvals_live ON standing_approvals (playbook_id, expires_at) WHERE ended_at IS NULL;

-- Each with who answers for it, whether it holds now, and how often it was used in the last hour.
CREATE VIEW standing_now AS
SELECT s.*, p.name AS person,
       s.ended_at IS NULL AND s.expires_at > store.now() AND p.disabled_at IS NULL AND p.role IN ('operator', 'admin')
         AS is_live,
       (SELECT count(*) FROM executions e
        WHERE e.acted_at > store.now() - interval '1 hour' AND e.decision->>'standing_id' = s.id::text)
         AS used_last_hour
FROM standing_approvals s JOIN persons p ON p.id = s.person_id;

-- Only what is published may act: a draft waits for a person, what was withdrawn stays readable.
ALTER TABLE playbooks ADD COLUMN status text NOT NULL DEFAULT 'published'
  CHECK (status IN ('published', 'draft', 'withdrawn'));

-- What the gate counts: actions of the last hour, failures of a playbook, heals that are being watched.
CREATE INDEX executions_acted ON executions (acted_at) WHERE acted_at IS NOT NULL;
CREATE INDEX executions_by_playbook ON executions (playbook_id, updated_at) WHERE acted_at IS NOT NULL;
