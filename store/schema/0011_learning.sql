-- What people did by hand, and what is needed to count outcomes once an action and incident.

-- The answer to "what fixed it?", one an incident: a playbook where there is one for it, else in words.
CREATE TABLE human_fixes (
  incident_id uuid PRIMARY KEY REFERENCES incidents,
  signature   text NOT NULL,
  environment text NOT NULL,
  playbook_id text,
  words       text NOT NULL DEFAULT '',
  is_alone    boolean NOT NULL DEFAULT false,
  told_by     text NOT NULL,
  told_at     timestamptz NOT NULL DEFAULT store.now(),
  CHECK (is_alone OR playbook_id IS NOT NULL OR words <> '')
);
CREATE INDEX human_fixes_signature ON human_fixes (signature);

-- A repair by hand has no execution.
ALTER TABLE fixes ALTER COLUMN execution_id DROP NOT NULL;
CREATE UNIQUE INDEX fixes_by_hand ON fixes (incident_id) WHERE execution_id IS NULL;

CREATE INDEX executions_learned_action ON executions (action, incident_id)
  WHERE outcome IS NOT NULL OR state IN ('unknown', 'needs_human', 'inconclusive');
CREATE INDEX executions_in_shadow ON executions (signature) WHERE decision->>'guardrail' IN ('shadow', 'dry_run');
