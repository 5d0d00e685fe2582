-- Healing: playbooks, diagnoses, executions, approvals, checks, and the memory of fixes.

CREATE TABLE playbooks (
  id         text NOT NULL,
  version    integer NOT NULL,
  body       jsonb NOT NULL,
  digest     text NOT NULL,
  source     text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (id, version)
);

CREATE TABLE diagnoses (
  incident_id uuid NOT NULL REFERENCES incidents,
  attempt     integer NOT NULL,
  body        jsonb NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (incident_id, attempt)
);

-- A healing execution from proposal to what was learned; the state machine is core/execution.py.
CREATE TABLE executions (
  id               uuid PRIMARY KEY,
  incident_id      uuid NOT NULL REFERENCES incidents,
  attempt          integer NOT NULL,
  origin           text NOT NULL DEFAULT 'thread',
  state            text NOT NULL DEFAULT 'proposed',
  playbook_id      text NOT NULL,
  playbook_version integer NOT NULL,
  action           text NOT NULL,
  resource_id      text NOT NULL,
  endpoint_id      text NOT NULL,
  intent           jsonb NOT NULL,
  observed         jsonb NOT NULL DEFAULT '{}',
  intent_hash      text NOT NULL,
  card             jsonb NOT NULL DEFAULT '{}',
  requester        text NOT NULL,
  decision         jsonb NOT NULL DEFAULT '{}',
  signature        text NOT NULL,
  environment      text NOT NULL,
  token            bigint NOT NULL DEFAULT 0,
  lease_owner      text,
  lease_until      timestamptz,
  acted_at         timestamptz,
  finished_at      timestamptz,
  usual_traffic    double precision,
  result           jsonb NOT NULL DEFAULT '{}',
  outcome          text,
  learned_at       timestamptz,
  created_at       timestamptz NOT NULL DEFAULT store.now(),
  updated_at       timestamptz NOT NULL DEFAULT store.now()
);
-- A proposal of the agent's thread is unique by attempt: running a node again finds it instead of making another.
CREATE UNIQUE INDEX executions_one_per_attempt ON executions (incident_id, attempt) WHERE origin = 'thread';
CREATE UNIQUE INDEX executions_one_open_per_resource ON executions (resource_id)
  WHERE state IN ('claimed', 'running', 'succeeded', 'verifying', 'unknown', 'needs_human');
CREATE INDEX executions_by_incident ON executions (incident_id, created_at);
CREATE INDEX executions_moving ON executions (state, lease_until) WHERE state IN ('approved', 'claimed', 'running');
CREATE INDEX executions_learned ON executions (signature, playbook_id) WHERE outcome IS NOT NULL;

-- The approval is bound to the intent's hash, single use, and expires.
CREATE TABLE approvals (
  id           uuid PRIMARY KEY,
  execution_id uuid NOT NULL UNIQUE REFERENCES executions,
  intent_hash  text NOT NULL,
  state        text NOT NULL DEFAULT 'pending',
  needed       integer NOT NULL,
  role         text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT store.now(),
  expires_at   timestamptz NOT NULL,
  announced_at timestamptz,
  decided_at   timestamptz,
  consumed_at  timestamptz
);
CREATE INDEX approvals_pending ON approvals (expires_at) WHERE state = 'pending';

CREATE TABLE approval_votes (
  approval_id uuid NOT NULL REFERENCES approvals,
  person_id   uuid NOT NULL REFERENCES persons,
  verdict     text NOT NULL,
  reason      text NOT NULL DEFAULT '',
  via         text NOT NULL,
  at          timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (approval_id, person_id)
);

-- What the signals said at each evaluation after an action.
CREATE TABLE checks (
  execution_id uuid NOT NULL REFERENCES executions,
  at           timestamptz NOT NULL,
  state        text NOT NULL,
  traffic      double precision,
  detail       text NOT NULL DEFAULT '',
  PRIMARY KEY (execution_id, at)
);

-- A repair, remembered in five elements: event, symptoms, action, result, lesson.
CREATE TABLE fixes (
  id              uuid PRIMARY KEY,
  incident_id     uuid NOT NULL REFERENCES incidents,
  execution_id    uuid NOT NULL UNIQUE REFERENCES executions,
  signature       text NOT NULL,
  environment     text NOT NULL,
  event           text NOT NULL,
  symptoms        text NOT NULL,
  action          text NOT NULL,
  result          text NOT NULL,
  lesson          text NOT NULL,
  words           tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', event), 'A') || setweight(to_tsvector('simple', symptoms || ' ' || lesson), 'B')
  ) STORED,
  embedding       halfvec,
  embedding_model text,
  created_at      timestamptz NOT NULL DEFAULT store.now()
);
CREATE INDEX fixes_words ON fixes USING gin (words);
CREATE INDEX fixes_signature ON fixes (signature, created_at DESC);
CREATE INDEX fixes_embedding_384 ON fixes USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops)
  WHERE embedding_model IS NOT NULL AND vector_dims(embedding) = 384;
