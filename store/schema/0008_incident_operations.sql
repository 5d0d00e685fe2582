-- What people do with whole incidents (assign, merge, split), dependencies learned from labels, keys that end later.

ALTER TABLE incidents
  ADD COLUMN assignee    text REFERENCES persons (name) ON UPDATE CASCADE,
  ADD COLUMN assigned_at timestamptz,
  -- The number of the incident that took this one's alerts; such an incident is over for good.
  ADD COLUMN merged_into bigint REFERENCES incidents (number),
  -- The number of the incident that this one's first alerts were taken from.
  ADD COLUMN split_from  bigint REFERENCES incidents (number);
ALTER TABLE incidents ADD CONSTRAINT incidents_not_into_itself CHECK (merged_into <> number);
CREATE INDEX incidents_by_assignee ON incidents (assignee, number DESC) WHERE assignee IS NOT NULL;
CREATE INDEX incidents_by_merge ON incidents (merged_into) WHERE merged_into IS NOT NULL;

-- Where alerts of a merged group, or of a split-off identity, go while that incident is open.
CREATE TABLE incident_claims (
  kind        text NOT NULL CHECK (kind IN ('group', 'identity')),
  key         text NOT NULL,
  incident_id uuid NOT NULL REFERENCES incidents,
  PRIMARY KEY (kind, key)
);
CREATE INDEX incident_claims_by_incident ON incident_claims (incident_id);

-- Which service needs which, as labels of alerts said; what the site file says stands beside it and wins.
CREATE TABLE dependencies (
  service    text NOT NULL,
  depends_on text NOT NULL,
  label      text NOT NULL,
  source     text NOT NULL,
  first_seen timestamptz NOT NULL DEFAULT store.now(),
  last_seen  timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (service, depends_on),
  CHECK (service <> depends_on)
);
CREATE INDEX dependencies_reverse ON dependencies (depends_on);

-- A key that is replaced works on until its sender has the new one.
ALTER TABLE api_keys ADD COLUMN expires_at timestamptz;
CREATE INDEX api_keys_by_source ON api_keys (source_id) WHERE source_id IS NOT NULL;

-- What is forgotten by age is found by age, and what is listed by source by that.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING brin (created_at);
CREATE INDEX quarantine_by_source ON quarantine (source, id DESC);
