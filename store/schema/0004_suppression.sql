-- What is set about who is told when: silences, maintenance windows, inhibitions, escalation policies.

-- The newest version of each; `ends_at` is null while nothing ends it.
CREATE TABLE notice_rules (
  id         uuid PRIMARY KEY,
  kind       text NOT NULL CHECK (kind IN ('silence', 'window', 'inhibition', 'escalation')),
  version    integer NOT NULL DEFAULT 1,
  body       jsonb NOT NULL,
  starts_at  timestamptz NOT NULL,
  ends_at    timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT store.now(),
  updated_by text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT store.now()
);
CREATE INDEX notice_rules_by_end ON notice_rules (kind, ends_at);

-- Every version that ever ruled.
CREATE TABLE notice_rule_versions (
  id        uuid NOT NULL REFERENCES notice_rules,
  version   integer NOT NULL,
  body      jsonb NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at   timestamptz,
  written_by text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (id, version)
);
CREATE TRIGGER notice_rule_versions_rows BEFORE UPDATE OR DELETE ON notice_rule_versions
  FOR EACH ROW EXECUTE FUNCTION store.refuse_change();
CREATE TRIGGER notice_rule_versions_whole BEFORE TRUNCATE ON notice_rule_versions
  FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change();

-- How often trouble of a kind comes is read by its signature.
CREATE INDEX incidents_by_signature ON incidents (signature, opened_at DESC);

-- The labels of an alert as matchers see them: what its place and severity are called everywhere, under its own labels.
CREATE FUNCTION store.seen_labels(a alerts) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object(
    'alertname', a.name, 'severity', a.severity, 'source', a.source, 'environment', nullif(a.environment, '-'),
    'cluster', nullif(a.cluster, '-'), 'service', nullif(a.service, '-'), 'resource_id', nullif(a.resource_id, '-')
  )) || a.labels
$$;
