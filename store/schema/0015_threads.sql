-- Conversations: what people ask, and what is answered, as numbered rows that every door shows.

-- `outside_key` is what the thread is called beyond our doors (a chat and its topic, a client's own id).
CREATE TABLE threads (
  id          uuid PRIMARY KEY,
  door        text NOT NULL CHECK (door IN ('api', 'openai', 'ag-ui', 'telegram', 'slack')),
  person_id   uuid REFERENCES persons,
  outside_key text NOT NULL DEFAULT '',
  incident_id uuid REFERENCES incidents,
  title       text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT store.now(),
  event_seq   bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX threads_by_outside_key ON threads (door, person_id, outside_key) NULLS NOT DISTINCT
  WHERE outside_key <> '';
CREATE INDEX threads_by_person ON threads (person_id, id DESC);
CREATE INDEX threads_by_incident ON threads (incident_id, id DESC) WHERE incident_id IS NOT NULL;

-- One message and its answer. `seq` is the number of the message's row, and so the order of the thread's runs.
-- `attempt` counts who took it up: what an older attempt still writes is refused.
CREATE TABLE thread_runs (
  id          uuid PRIMARY KEY,
  thread_id   uuid NOT NULL REFERENCES threads,
  seq         bigint NOT NULL,
  state       text NOT NULL DEFAULT 'queued'
              CHECK (state IN ('queued', 'running', 'paused', 'finished', 'cancelled', 'failed')),
  person_id   uuid NOT NULL REFERENCES persons,
  person      text NOT NULL,
  role        text NOT NULL,
  via         text NOT NULL,
  asked_by    text NOT NULL DEFAULT '',
  language    text NOT NULL DEFAULT 'en',
  text        text NOT NULL,
  answer      text NOT NULL DEFAULT '',
  attempt     integer NOT NULL DEFAULT 0,
  outcome     text NOT NULL DEFAULT '',
  approval_id uuid REFERENCES approvals,
  created_at  timestamptz NOT NULL DEFAULT store.now(),
  started_at  timestamptz,
  ended_at    timestamptz,
  UNIQUE (thread_id, seq)
);
CREATE INDEX thread_runs_open ON thread_runs (thread_id, seq) WHERE state IN ('queued', 'running');
CREATE INDEX thread_runs_open_by_person ON thread_runs (person_id) WHERE state IN ('queued', 'running');
CREATE INDEX thread_runs_paused ON thread_runs (approval_id) WHERE state = 'paused';

-- What readers see: numbered without gaps, never changed.
CREATE TABLE thread_events (
  thread_id uuid NOT NULL REFERENCES threads,
  seq       bigint NOT NULL,
  at        timestamptz NOT NULL DEFAULT store.now(),
  kind      text NOT NULL,
  run_id    uuid,
  body      jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (thread_id, seq)
);
CREATE TRIGGER thread_events_rows BEFORE UPDATE ON thread_events FOR EACH ROW EXECUTE FUNCTION store.refuse_change();

-- The next row of a thread; its number, NULL where there is no such thread.
CREATE FUNCTION store.append_thread_event(thread uuid, what text, details jsonb, run uuid) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE next_seq bigint;
BEGIN
  UPDATE threads SET event_seq = event_seq + 1 WHERE id = thread RETURNING event_seq INTO next_seq;
  IF next_seq IS NOT NULL THEN
    INSERT INTO thread_events (thread_id, seq, kind, run_id, body) VALUES (thread, next_seq, what, run, details);
  END IF;
  RETURN next_seq;
END $$;

-- The same for who answers, while the run is theirs; NULL where somebody ended it or took it up after them. The thread
-- is locked before its run is looked at, as everybody does who moves a run.
CREATE FUNCTION store.append_run_event(run uuid, try integer, what text, details jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE thread uuid;
BEGIN
  SELECT t.id INTO thread FROM threads t WHERE t.id = (SELECT r.thread_id FROM thread_runs r WHERE r.id = run)
  FOR NO KEY UPDATE;
  PERFORM 1 FROM thread_runs r WHERE r.id = run AND r.attempt = try AND r.state = 'running';
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  RETURN store.append_thread_event(thread, what, details, run);
END $$;
