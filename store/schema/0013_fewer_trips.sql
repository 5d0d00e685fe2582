-- What every commit of the intake costs beside its rows: fewer statements, each planned once.

-- The only plan that these functions may have is a lookup of each identity through its index, so it is kept: making it
-- anew costs a small batch more than its rows do.
ALTER FUNCTION store.touch_alerts(text[], text[], integer[]) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION store.end_alerts(jsonb) SET plan_cache_mode = force_generic_plan;

DROP FUNCTION store.change_alerts(jsonb);

-- New content of open alerts; labels that are not given stay. The ordinals (from 1) of those that are no open alert, and
-- the identities with the incident of each that became more urgent by it. Unless `raising`, such alerts are not changed
-- but missed, so that they are changed where their incident is raised with them.
CREATE FUNCTION store.change_alerts(batch jsonb, raising boolean) RETURNS TABLE (missed integer[], rising jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_material = off SET random_page_cost = 0.01 SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moment timestamptz := store.now();
  done text[];
BEGIN
  WITH changed AS (
    UPDATE alerts a SET labels = coalesce(b.labels, a.labels), annotations = b.annotations, severity = b.severity,
      class = b.class, generator_url = b.generator_url, content_hash = b.content_hash,
      occurrences = a.occurrences + b.copies, last_received_at = moment
    FROM jsonb_to_recordset(batch) AS b (
      identity text, labels jsonb, annotations jsonb, severity text, class text, generator_url text, content_hash text,
      copies integer, priority text)
    WHERE a.identity = b.identity AND a.ended_at IS NULL
      AND (raising OR NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = a.incident_id AND i.priority > b.priority))
    RETURNING a.identity, a.incident_id, b.priority
  )
  SELECT array_agg(c.identity),
    CASE WHEN raising THEN (SELECT jsonb_agg(jsonb_build_array(r.identity, r.incident_id)) FROM changed r
                            JOIN incidents i ON i.id = r.incident_id WHERE i.priority > r.priority) END
  INTO done, rising FROM changed c;
  IF coalesce(cardinality(done), 0) < jsonb_array_length(batch) THEN
    missed := ARRAY(
      SELECT b.ordinal FROM jsonb_array_elements(batch) WITH ORDINALITY AS b (body, ordinal)
      WHERE done IS NULL OR NOT b.body->>'identity' = ANY (done));
  END IF;
  RETURN NEXT;
END $$;

-- Waits for the turn to decide what opens and ends, alone or beside others; then the newest episode of each identity:
-- the open one, else the one that was received last. Where none is known there is one row, which has only the moment.
CREATE FUNCTION store.begin_fold(identities jsonb, alone boolean)
RETURNS TABLE (moment timestamptz, identity text, content_hash text, starts_at timestamptz, ended_at timestamptz,
               last_received_at timestamptz)
LANGUAGE plpgsql VOLATILE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_material = off SET random_page_cost = 0.01 SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF alone THEN
    PERFORM pg_advisory_xact_lock(7203011);
  ELSE
    PERFORM pg_advisory_xact_lock_shared(7203011);
  END IF;
  RETURN QUERY
  SELECT n.at, a.* FROM (SELECT store.now()) AS n (at) LEFT JOIN (
    SELECT newest.* FROM jsonb_array_elements_text(identities) AS b (identity) CROSS JOIN LATERAL (
      SELECT o.identity, o.content_hash, o.starts_at, o.ended_at, o.last_received_at FROM alerts o
      WHERE o.identity = b.identity AND o.ended_at IS NULL
      UNION ALL
      (SELECT e.identity, e.content_hash, e.starts_at, e.ended_at, e.last_received_at FROM alerts e
       WHERE e.identity = b.identity AND e.ended_at IS NOT NULL ORDER BY e.received_at DESC LIMIT 1)
      LIMIT 1) AS newest) AS a ON true;
END $$;

-- Adds to the counters of incidents, and tells it on the timeline; a priority only gets more urgent here. Those who count
-- do it one after the other, so that they never wait for each other in a circle.
CREATE FUNCTION store.count_alerts(batch jsonb)
RETURNS TABLE (id uuid, firing_count integer, priority text, before text, fired_before integer, was_over boolean)
LANGUAGE plpgsql VOLATILE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_material = off SET random_page_cost = 0.01 SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moment timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(7203012);
  moment := store.now();
  RETURN QUERY
  WITH b AS (
    SELECT * FROM jsonb_to_recordset(batch) AS b (id uuid, new integer, ended integer, priority text, names jsonb)
  ), counted AS (
    UPDATE incidents i SET alert_count = i.alert_count + b.new,
      firing_count = greatest(i.firing_count + b.new - b.ended, 0),
      priority = least(i.priority, coalesce(b.priority, i.priority)),
      timeline_seq = i.timeline_seq + 1
    FROM b JOIN incidents o ON o.id = b.id WHERE i.id = b.id
    RETURNING i.id, i.alert_count, i.firing_count, i.priority, i.timeline_seq, i.resolved_at, b.new, b.ended, b.names,
      o.priority AS before, o.firing_count AS fired_before
  ), told AS (
    INSERT INTO timeline (incident_id, seq, at, kind, actor, reason, body)
    SELECT c.id, c.timeline_seq, moment, 'alerts.folded', 'nightshift', '', jsonb_build_object(
      'new', c.new, 'ended', c.ended, 'firing', c.firing_count, 'total', c.alert_count, 'names', c.names)
    FROM counted c
  )
  SELECT c.id, c.firing_count, c.priority, c.before, c.fired_before, c.new > 0 AND c.resolved_at IS NOT NULL FROM counted c;
END $$;
