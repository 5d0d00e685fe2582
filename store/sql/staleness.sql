-- name: sweep
-- One pass over the open alerts: mark those past the time by which they had to be repeated, clear what was repeated, is
-- over, or has no known interval any more; what that changed, in alerts by incident. The full join can only be done by
-- a hash of both sides, whatever the planner believes of a table that grows a hundred thousand rows at once.
WITH known AS MATERIALIZED (
  SELECT name, (settings ->> 'repeat_interval_s')::float8 AS repeat_s FROM sources WHERE settings ? 'repeat_interval_s'
), open AS (
  SELECT a.id, a.incident_id,
         a.last_received_at + make_interval(secs => coalesce(k.repeat_s * %(factor)s, a.promised_s)) AS since
  FROM alerts a LEFT JOIN known k ON k.name = a.source WHERE a.ended_at IS NULL
), changed AS MATERIALIZED (
  SELECT coalesce(o.id, s.alert_id) AS alert_id, o.incident_id, o.since, s.alert_id IS NULL AS is_stale
  FROM open o FULL JOIN stale_alerts s ON s.alert_id = o.id
  WHERE coalesce(o.since < (SELECT store.now()), false) IS DISTINCT FROM (s.alert_id IS NOT NULL)
), cleared AS (
  DELETE FROM stale_alerts s USING changed c WHERE s.alert_id = c.alert_id AND NOT c.is_stale
), marked AS (
  INSERT INTO stale_alerts (alert_id, since) SELECT alert_id, since FROM changed WHERE is_stale
  ON CONFLICT (alert_id) DO NOTHING
)
SELECT incident_id, is_stale, count(*) AS alerts FROM changed WHERE incident_id IS NOT NULL
GROUP BY incident_id, is_stale ORDER BY incident_id, is_stale

-- name: tell
-- Incidents with alerts that are stale for long and that nobody was told of, marked as told. Looked up one by one, by
-- key: no join for which the planner would have to guess how many alerts fell silent at once.
WITH due AS MATERIALIZED (
  SELECT s.alert_id, (
    SELECT i.id FROM alerts a JOIN incidents i ON i.id = a.incident_id WHERE a.id = s.alert_id AND i.resolved_at IS NULL
  ) AS incident_id
  FROM stale_alerts s WHERE s.told_at IS NULL AND s.since < (SELECT store.now() - make_interval(secs => %s))
), told AS (
  UPDATE stale_alerts SET told_at = store.now()
  WHERE alert_id = ANY (ARRAY(SELECT alert_id FROM due WHERE incident_id IS NOT NULL))
)
SELECT DISTINCT incident_id FROM due WHERE incident_id IS NOT NULL ORDER BY incident_id

-- name: counts
-- How many open alerts of an incident are stale, by what the summary counts by.
SELECT a.name, a.class, a.severity, a.service, count(*) AS alerts FROM stale_alerts s JOIN alerts a ON a.id = s.alert_id
WHERE a.incident_id = %s AND a.ended_at IS NULL GROUP BY a.name, a.class, a.severity, a.service

-- name: elsewhere
-- How many open alerts of an incident are stale, of other sources than one.
SELECT count(*) AS alerts FROM stale_alerts s JOIN alerts a ON a.id = s.alert_id
WHERE a.incident_id = %s AND a.ended_at IS NULL AND a.source <> %s
