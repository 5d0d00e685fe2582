-- Who stands behind an approval and what took its place; and how far our own record of begun actions had come.

-- people: voted on; standing: a person's lasting yes to a playbook; break_glass: one person for all, with a reason.
ALTER TABLE approvals
  ADD COLUMN kind text NOT NULL DEFAULT 'people' CHECK (kind IN ('people', 'standing', 'break_glass')),
  ADD COLUMN granted_by text NOT NULL DEFAULT '',
  ADD COLUMN reason text NOT NULL DEFAULT '',
  ADD COLUMN replaced_by uuid REFERENCES approvals;

-- Every committed intent counts one on. A logbook beside the data that is ahead of this was written after this copy.
-- `place` names the server and the database in which this was used last: elsewhere it is a copy, too.
CREATE TABLE epochs (
  is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  database_id uuid NOT NULL DEFAULT gen_random_uuid(),
  epoch       bigint NOT NULL DEFAULT 0,
  place       text NOT NULL DEFAULT ''
);
INSERT INTO epochs DEFAULT VALUES;

-- The server's own number where this role may read it, and the database's in it.
CREATE FUNCTION store.place() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  server text := '';
BEGIN
  IF has_function_privilege('pg_control_system()', 'execute') THEN
    SELECT system_identifier::text INTO server FROM pg_control_system();
  END IF;
  RETURN server || '/' || (SELECT oid FROM pg_database WHERE datname = current_database());
END $$;
