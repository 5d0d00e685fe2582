-- name: record
-- Count beats from one JSON parameter, rows in the order of their key; new ones only while there is room. Beats that
-- come together (replicas) are one: only the first counts for the interval.
WITH given AS (
  SELECT b.*, k.identity IS NOT NULL AS is_known,
         row_number() OVER (PARTITION BY k.identity IS NULL ORDER BY b.identity) AS place
  FROM jsonb_to_recordset(%(rows)s) AS b (identity text, id uuid, rule_id text, source text, labels jsonb)
  LEFT JOIN heartbeats k ON k.identity = b.identity
)
INSERT INTO heartbeats AS h (identity, id, rule_id, source, labels, beats, last_beat_at)
SELECT identity, id, rule_id, source, labels, ARRAY[clock.now], clock.now
FROM given, (SELECT store.now() AS now, (SELECT count(*) FROM heartbeats) AS known) AS clock
WHERE is_known OR place + clock.known <= %(heartbeats_max)s
ORDER BY identity
ON CONFLICT (identity) DO UPDATE SET
  rule_id = excluded.rule_id, source = excluded.source, labels = excluded.labels, retired_at = NULL,
  last_beat_at = greatest(h.last_beat_at, excluded.last_beat_at),
  beats = CASE WHEN excluded.last_beat_at < h.beats[1] + make_interval(secs => %(same_beat_s)s) THEN h.beats
               ELSE (excluded.beats || h.beats)[1:%(beats_max)s] END
RETURNING identity

-- name: every
-- All of them, those that were retired a moment ago too.
SELECT * FROM heartbeats ORDER BY id

-- name: retire
-- A person says that it is over for good; a new beat takes that back.
UPDATE heartbeats SET retired_at = store.now() WHERE id = %s AND retired_at IS NULL RETURNING *

-- name: mark_absent
-- Write down an absence before anybody is told, so that its end is never forgotten.
UPDATE heartbeats SET absent_since = %s
WHERE identity = ANY (%s) AND absent_since IS NULL AND last_beat_at <= %s RETURNING identity

-- name: mark_back
-- The end of an absence, once it is told.
UPDATE heartbeats SET absent_since = NULL WHERE identity = ANY (%s)

-- name: forget
-- Remove what was retired or has no rule any more, unless it has beaten since.
DELETE FROM heartbeats WHERE identity = ANY (%s) AND last_beat_at <= %s

-- name: hear
-- Say that senders can reach us now; after a longer break the time of hearing begins anew.
INSERT INTO reception AS r (since, seen_at) SELECT now, now FROM (SELECT store.now() AS now) AS clock
ON CONFLICT (only_row) DO UPDATE SET seen_at = greatest(r.seen_at, excluded.seen_at),
  since = CASE WHEN r.seen_at < excluded.seen_at - make_interval(secs => %s) THEN excluded.since ELSE r.since END

-- name: heard_since
-- Since when senders can reach us; null while they cannot.
SELECT max(since) AS since FROM reception WHERE seen_at >= store.now() - make_interval(secs => %s)
