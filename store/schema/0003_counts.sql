-- Counting what fires without reading what ended; and copies of an alert in one delivery counted at once.

-- The end of an episode is written once, so this index never costs a repeat its cheap update in place.
CREATE INDEX alerts_by_end ON alerts (ended_at) WHERE ended_at IS NOT NULL;

-- As before, with the number of copies that each repeat stands for.
CREATE OR REPLACE FUNCTION store.touch_alerts(batch jsonb) RETURNS SETOF text
LANGUAGE sql VOLATILE SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
  WITH locked AS (
    SELECT a.id, coalesce(b.copies, 1) AS copies
    FROM jsonb_to_recordset(batch) AS b (identity text, content_hash text, copies integer)
    JOIN alerts a ON a.identity = b.identity AND a.ended_at IS NULL AND a.content_hash = b.content_hash
    ORDER BY a.identity FOR UPDATE OF a
  )
  UPDATE alerts SET occurrences = occurrences + locked.copies, last_received_at = store.now()
  FROM locked WHERE alerts.id = locked.id RETURNING alerts.identity
$$;
