-- What comes together is told as one: aggregates of alerts, storms of incidents, alerts that come and go.

-- Alerts of an incident in the order of their receipt. Its columns never change, so a repeat stays a cheap update.
DROP INDEX alerts_by_incident;
CREATE INDEX alerts_by_incident ON alerts (incident_id, received_at, id);

-- The parent of many alerts of one resource; it began in one incident, `count` is of all its children.
CREATE TABLE aggregates (
  id          uuid PRIMARY KEY,
  resource_id text NOT NULL,
  incident_id uuid NOT NULL REFERENCES incidents,
  count       integer NOT NULL,
  began_at    timestamptz NOT NULL,
  last_at     timestamptz NOT NULL
);

-- Beside the alerts, and without a foreign key: pointing to a parent must neither write nor lock an alert's row.
CREATE TABLE alert_parents (
  alert_id     uuid PRIMARY KEY,
  aggregate_id uuid NOT NULL REFERENCES aggregates,
  incident_id  uuid NOT NULL
);
CREATE INDEX alert_parents_by_incident ON alert_parents (incident_id, aggregate_id);

-- What placing the next alert of a resource needs: the singles of the last window, or the aggregate that grows.
CREATE TABLE recent_alerts (
  resource_id  text PRIMARY KEY,
  singles      jsonb NOT NULL DEFAULT '[]',
  aggregate_id uuid REFERENCES aggregates,
  last_at      timestamptz NOT NULL DEFAULT store.now()
);
CREATE INDEX recent_alerts_by_age ON recent_alerts (last_at);

-- Up to which alert, in the order of receipt, an incident's alerts were looked at. No foreign key: looking must not
-- lock the incident against those who fold.
CREATE TABLE aggregated_up_to (
  incident_id uuid PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT 'epoch',
  alert_id    uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);

-- Incidents that opened together; `told` counts the pages about the whole of it.
CREATE TABLE storms (
  id             uuid PRIMARY KEY,
  number         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  incident_count integer NOT NULL,
  told           integer NOT NULL DEFAULT 0,
  began_at       timestamptz NOT NULL,
  last_at        timestamptz NOT NULL,
  ended_at       timestamptz
);
ALTER TABLE incidents ADD COLUMN storm_id uuid REFERENCES storms;
CREATE INDEX incidents_by_storm ON incidents (storm_id, number) WHERE storm_id IS NOT NULL;

-- Alert identities that come and go too often now, and the newest incident of each.
CREATE TABLE flaps (
  identity    text PRIMARY KEY,
  incident_id uuid NOT NULL REFERENCES incidents,
  name        text NOT NULL,
  began_at    timestamptz NOT NULL DEFAULT store.now()
);
CREATE INDEX flaps_by_incident ON flaps (incident_id);
