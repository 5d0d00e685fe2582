-- The one truth. Times are timestamptz; ids are UUIDv7 made by the process; every table says what it is for.

CREATE SCHEMA IF NOT EXISTS store;

-- The only clock that SQL reads. A test or a replay pins it with: SET nightshift.now = '...'.
CREATE FUNCTION store.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('nightshift.now', true), '')::timestamptz, clock_timestamp())
$$;

CREATE FUNCTION store.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

-- What the operator described: services, targets, rules, endpoints, channels, policy, timings. The newest row rules.
CREATE TABLE site (
  version    integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  body       jsonb NOT NULL,
  digest     text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT store.now(),
  applied_by text NOT NULL
);

CREATE TABLE switches (
  name       text PRIMARY KEY,
  is_on      boolean NOT NULL,
  reason     text NOT NULL DEFAULT '',
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT store.now()
);

CREATE TABLE persons (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  role        text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT store.now(),
  disabled_at timestamptz
);

-- Senders of alerts and changes; each has its own token.
CREATE TABLE sources (
  id               uuid PRIMARY KEY,
  kind             text NOT NULL,
  name             text NOT NULL UNIQUE,
  settings         jsonb NOT NULL DEFAULT '{}',
  created_at       timestamptz NOT NULL DEFAULT store.now(),
  disabled_at      timestamptz
);

-- Only the SHA-256 of a key is kept; a key belongs to a person or to a source.
CREATE TABLE api_keys (
  id         uuid PRIMARY KEY,
  digest     bytea NOT NULL UNIQUE,
  hint       text NOT NULL,
  person_id  uuid REFERENCES persons,
  source_id  uuid REFERENCES sources,
  created_at timestamptz NOT NULL DEFAULT store.now(),
  revoked_at timestamptz,
  CHECK (num_nonnulls(person_id, source_id) = 1)
);

CREATE TABLE idempotency_keys (
  principal    text NOT NULL,
  key          text NOT NULL,
  request_hash text NOT NULL,
  status       integer,
  body         jsonb,
  created_at   timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (principal, key)
);

CREATE TABLE incidents (
  id              uuid PRIMARY KEY,
  number          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  state           text NOT NULL DEFAULT 'open',
  priority        text NOT NULL,
  group_key       text NOT NULL,
  environment     text NOT NULL,
  cluster         text NOT NULL,
  service         text NOT NULL,
  title           text NOT NULL,
  signature       text NOT NULL,
  alert_count     integer NOT NULL DEFAULT 0,
  firing_count    integer NOT NULL DEFAULT 0,
  started_at      timestamptz NOT NULL,
  opened_at       timestamptz NOT NULL DEFAULT store.now(),
  acknowledged_at timestamptz,
  acknowledged_by text,
  mitigated_at    timestamptz,
  resolved_at     timestamptz,
  resolved_by     text,
  reopened        integer NOT NULL DEFAULT 0,
  timeline_seq    bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX incidents_one_open_per_group ON incidents (group_key) WHERE resolved_at IS NULL;
CREATE INDEX incidents_recent ON incidents (opened_at DESC, id);

-- One row an episode: from firing to resolved. The unique key exists only while the episode is open.
CREATE TABLE alerts (
  id               uuid PRIMARY KEY,
  incident_id      uuid NOT NULL REFERENCES incidents,
  source           text NOT NULL,
  identity         text NOT NULL,
  name             text NOT NULL,
  class            text NOT NULL,
  severity         text NOT NULL,
  status           text NOT NULL,
  environment      text NOT NULL,
  cluster          text NOT NULL,
  service          text NOT NULL,
  resource_id      text NOT NULL,
  labels           jsonb NOT NULL,
  annotations      jsonb NOT NULL,
  generator_url    text NOT NULL,
  content_hash     text NOT NULL,
  starts_at        timestamptz NOT NULL,
  ended_at         timestamptz,
  received_at      timestamptz NOT NULL DEFAULT store.now(),
  last_received_at timestamptz NOT NULL DEFAULT store.now(),
  occurrences      integer NOT NULL DEFAULT 1
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX alerts_one_open_per_identity ON alerts (identity) WHERE ended_at IS NULL;
CREATE INDEX alerts_by_identity ON alerts (identity, received_at DESC);
CREATE INDEX alerts_by_incident ON alerts (incident_id, id);

-- What every surface shows of an incident: numbered without gaps, never changed.
CREATE TABLE timeline (
  incident_id uuid NOT NULL REFERENCES incidents,
  seq         bigint NOT NULL,
  at          timestamptz NOT NULL DEFAULT store.now(),
  kind        text NOT NULL,
  actor       text NOT NULL,
  reason      text NOT NULL DEFAULT '',
  body        jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (incident_id, seq)
);

CREATE FUNCTION store.append_timeline(incident uuid, what text, who text, why text, details jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE next_seq bigint;
BEGIN
  UPDATE incidents SET timeline_seq = timeline_seq + 1 WHERE id = incident RETURNING timeline_seq INTO next_seq;
  INSERT INTO timeline (incident_id, seq, kind, actor, reason, body) VALUES (incident, next_seq, what, who, why, details);
  RETURN next_seq;
END $$;

-- Bodies that could not be used: kept, readable, never lost.
CREATE TABLE quarantine (
  id          uuid PRIMARY KEY,
  source      text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT store.now(),
  reason      text NOT NULL,
  detail      text NOT NULL,
  body        bytea NOT NULL
);
CREATE INDEX quarantine_recent ON quarantine (received_at DESC);

CREATE TABLE changes (
  id               uuid PRIMARY KEY,
  source           text NOT NULL,
  external_id      text NOT NULL,
  kind             text NOT NULL,
  environment      text NOT NULL,
  service          text NOT NULL,
  version          text NOT NULL DEFAULT '',
  previous_version text NOT NULL DEFAULT '',
  summary          text NOT NULL,
  author           text NOT NULL DEFAULT '',
  at               timestamptz NOT NULL,
  received_at      timestamptz NOT NULL DEFAULT store.now(),
  UNIQUE (source, external_id)
);
CREATE INDEX changes_by_service ON changes (environment, service, at DESC);

-- The built-in collector's series and samples.
CREATE TABLE series (
  id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  digest bytea NOT NULL UNIQUE,
  metric text NOT NULL,
  labels jsonb NOT NULL
);
CREATE INDEX series_by_metric ON series (metric);
CREATE TABLE samples (
  series_id bigint NOT NULL,
  at        timestamptz NOT NULL,
  value     double precision NOT NULL,
  PRIMARY KEY (series_id, at)
);
CREATE INDEX samples_by_time ON samples USING brin (at);

-- The outbox: what people are told, each row sent at least once.
CREATE TABLE notifications (
  id          uuid PRIMARY KEY,
  incident_id uuid REFERENCES incidents,
  kind        text NOT NULL,
  channel     text NOT NULL,
  dedup_key   text NOT NULL UNIQUE,
  body        jsonb NOT NULL,
  state       text NOT NULL DEFAULT 'pending',
  attempts    integer NOT NULL DEFAULT 0,
  last_error  text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT store.now(),
  sent_at     timestamptz
);
CREATE INDEX notifications_unsent ON notifications (created_at) WHERE state = 'pending';

-- Timers are rows; a worker takes what is due with SKIP LOCKED and defers the job in the same transaction.
CREATE TABLE due (
  kind   text NOT NULL,
  key    text NOT NULL,
  due_at timestamptz NOT NULL,
  args   jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (kind, key)
);
CREATE INDEX due_next ON due (due_at);

-- Singletons lead by a row; the token only ever grows.
CREATE TABLE leases (
  name  text PRIMARY KEY,
  owner text NOT NULL,
  token bigint NOT NULL DEFAULT 1,
  until timestamptz NOT NULL
);

-- Who did what, when and why; one row for each transition, in its transaction.
CREATE TABLE audit (
  id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at         timestamptz NOT NULL DEFAULT store.now(),
  actor      text NOT NULL,
  action     text NOT NULL,
  subject    text NOT NULL,
  from_state text NOT NULL DEFAULT '',
  to_state   text NOT NULL DEFAULT '',
  reason     text NOT NULL DEFAULT '',
  token      bigint,
  detail     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_subject ON audit (subject, id);

CREATE TRIGGER audit_rows BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION store.refuse_change();
CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change();
CREATE TRIGGER timeline_rows BEFORE UPDATE OR DELETE ON timeline FOR EACH ROW EXECUTE FUNCTION store.refuse_change();
CREATE TRIGGER timeline_whole BEFORE TRUNCATE ON timeline FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change();

-- Repeats of open alerts: counters only. The join plan is fixed, since a hash join of a growing table costs most of the
-- throughput; rows are locked in the order of their key, so that two writers never wait for each other in a circle.
CREATE FUNCTION store.touch_alerts(batch jsonb) RETURNS SETOF text
LANGUAGE sql VOLATILE SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
  WITH locked AS (
    SELECT a.id FROM jsonb_to_recordset(batch) AS b (identity text, content_hash text)
    JOIN alerts a ON a.identity = b.identity AND a.ended_at IS NULL AND a.content_hash = b.content_hash
    ORDER BY a.identity FOR UPDATE OF a
  )
  UPDATE alerts SET occurrences = occurrences + 1, last_received_at = store.now()
  WHERE id IN (SELECT id FROM locked) RETURNING identity
$$;
