-- What every repeat and every change of an open alert costs. Rows are looked up one by one through the index on open
-- identities, whatever the statistics say: on a table that was empty a minute ago, any other plan costs most of the
-- throughput. Callers sort by identity, so that two writers rarely wait for each other in a circle.

DROP FUNCTION store.touch_alerts(jsonb);

-- Exact repeats: counters only. The ordinals (from 1) of those that are no open alert with this content.
CREATE FUNCTION store.touch_alerts(identities text[], contents text[], copies integer[]) RETURNS integer[]
LANGUAGE plpgsql VOLATILE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_material = off SET random_page_cost = 0.01 SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  moment timestamptz := store.now();
  touched integer := 0;
BEGIN
  UPDATE alerts a SET occurrences = a.occurrences + b.copies, last_received_at = moment
  FROM unnest(identities, contents, copies) AS b (identity, content_hash, copies)
  WHERE a.identity = b.identity AND a.content_hash = b.content_hash AND a.ended_at IS NULL;
  GET DIAGNOSTICS touched = ROW_COUNT;
  IF touched = cardinality(identities) THEN
    RETURN '{}';
  END IF;
  RETURN ARRAY(
    SELECT b.ordinal FROM unnest(identities, contents) WITH ORDINALITY AS b (identity, content_hash, ordinal)
    WHERE NOT EXISTS (SELECT 1 FROM alerts a
                      WHERE a.identity = b.identity AND a.content_hash = b.content_hash AND a.ended_at IS NULL));
END $$;

-- New content of open alerts; labels that are not given stay. The ordinals (from 1) of those that are no open alert, and
-- the identities with the incident of each that is not of the highest priority yet.
CREATE FUNCTION store.change_alerts(batch jsonb) RETURNS TABLE (missed integer[], may_rise jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_material = off SET random_page_cost = 0.01 SET plan_cache_mode = force_custom_plan AS $$
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
      copies integer)
    WHERE a.identity = b.identity AND a.ended_at IS NULL
    RETURNING a.identity, a.incident_id
  )
  SELECT array_agg(c.identity), jsonb_agg(jsonb_build_array(c.identity, c.incident_id)) FILTER (WHERE i.priority > 'P1')
  INTO done, may_rise FROM changed c LEFT JOIN incidents i ON i.id = c.incident_id;
  IF coalesce(cardinality(done), 0) < jsonb_array_length(batch) THEN
    missed := ARRAY(
      SELECT b.ordinal FROM jsonb_array_elements(batch) WITH ORDINALITY AS b (body, ordinal)
      WHERE done IS NULL OR NOT b.body->>'identity' = ANY (done));
  END IF;
  RETURN NEXT;
END $$;

-- Ends of open alerts, at the time the sender says, if that is neither before they began nor in the future.
CREATE FUNCTION store.end_alerts(batch jsonb) RETURNS TABLE (identity text, incident_id uuid)
LANGUAGE plpgsql VOLATILE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_material = off SET random_page_cost = 0.01 SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  moment timestamptz := store.now();
BEGIN
  RETURN QUERY
  UPDATE alerts a SET status = 'resolved', last_received_at = moment,
    ended_at = greatest(a.starts_at, least(coalesce(b.ends_at, moment), moment))
  FROM jsonb_to_recordset(batch) AS b (identity text, ends_at timestamptz)
  WHERE a.identity = b.identity AND a.ended_at IS NULL
  RETURNING a.identity, a.incident_id;
END $$;

-- What opens an alert is one entry in one index of identities; those that ended are looked up in one of their own.
DROP INDEX alerts_by_identity;
CREATE INDEX alerts_ended_by_identity ON alerts (identity, received_at DESC) WHERE ended_at IS NOT NULL;

-- Room beside each row, so that counting does not write every index of incidents again.
ALTER TABLE incidents SET (fillfactor = 50);
