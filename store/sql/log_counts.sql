-- name: begin
-- What is counted from now on; what was counted before goes on.
INSERT INTO log_tallies (tally) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING

-- name: end
-- What no rule asks for any more.
WITH gone AS (DELETE FROM log_tallies WHERE NOT tally = ANY (%s) RETURNING tally)
DELETE FROM log_counts WHERE tally IN (SELECT tally FROM gone)

-- name: add
-- Lines that matched, in the transaction that stores them.
INSERT INTO log_counts (tally, lines, example)
SELECT tally, lines, example FROM jsonb_to_recordset(%s) AS b (tally text, lines integer, example text)

-- name: read
-- The count of a window, an example, for how long it has been counted, and how long ago its service was last read to
-- the end (null where one of its folders never was).
SELECT coalesce(sum(c.lines), 0)::bigint AS lines, coalesce((array_agg(c.example ORDER BY c.received_at))[1], '') AS example,
  (SELECT extract(epoch FROM store.now() - greatest(t.began_at, max(w.began_at)))::float8
   FROM log_tallies t, log_watches w WHERE t.tally = %(tally)s AND w.service = %(service)s GROUP BY t.began_at) AS covered_s,
  (SELECT CASE WHEN count(*) = count(began_at) THEN extract(epoch FROM store.now() - min(seen_at))::float8 END
   FROM log_watches WHERE service = %(service)s) AS unread_s
FROM log_counts c
WHERE c.tally = %(tally)s AND c.received_at > store.now() - make_interval(secs => %(window_s)s)

-- name: forget
-- Counts that no window reaches any more.
DELETE FROM log_counts WHERE received_at < store.now() - make_interval(secs => %s)
