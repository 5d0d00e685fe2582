-- name: of_watch
-- Up to where each file of a watch was read.
SELECT file, path, place, fingerprint, in_cut, last_at, version FROM log_positions WHERE watch = %s

-- name: move
-- Move on from the versions that the reader knew, or begin where it knew none; one row for each that could.
WITH b AS (
  SELECT * FROM jsonb_to_recordset(%s) AS b
    (watch text, file text, path text, place bigint, fingerprint text, in_cut boolean, last_at float8, known bigint)
),
moved AS (
  UPDATE log_positions p SET path = b.path, place = b.place, fingerprint = decode(b.fingerprint, 'hex'),
    in_cut = b.in_cut, last_at = b.last_at, version = p.version + 1, seen_at = store.now()
  FROM b WHERE p.watch = b.watch AND p.file = b.file AND p.version = b.known RETURNING p.file
),
made AS (
  INSERT INTO log_positions (watch, file, path, place, fingerprint, in_cut, last_at)
  SELECT watch, file, path, place, decode(fingerprint, 'hex'), in_cut, last_at FROM b WHERE known = 0
  ON CONFLICT DO NOTHING RETURNING file
)
SELECT file FROM moved UNION ALL SELECT file FROM made

-- name: touch
-- These files still exist.
UPDATE log_positions SET seen_at = store.now() WHERE watch = %s AND file = ANY (%s)

-- name: forget
-- Places of files that are long gone.
DELETE FROM log_positions WHERE seen_at < store.now() - make_interval(secs => %s)

-- name: watched
-- The state of a watch. It began when all that lay in its folder had been read once; what has a fault is not read whole.
INSERT INTO log_watches (watch, service, began_at, files, faults)
VALUES (%(watch)s, %(service)s, CASE WHEN %(is_read)s THEN store.now() END, %(files)s, %(faults)s)
ON CONFLICT (watch) DO UPDATE SET
  began_at = coalesce(log_watches.began_at, excluded.began_at), files = excluded.files, faults = excluded.faults,
  seen_at = CASE WHEN %(is_read)s AND cardinality(excluded.faults) = 0 THEN excluded.seen_at ELSE log_watches.seen_at END
RETURNING began_at

-- name: began
-- Since when a watch goes on.
SELECT began_at FROM log_watches WHERE watch = %s

-- name: watches
-- All watches, as people look at them.
SELECT watch, service, began_at, seen_at, files, faults FROM log_watches ORDER BY watch

-- name: end_watches
-- The watches that the site does not name any more. Their places stay, for the day on which it names them again.
DELETE FROM log_watches WHERE NOT watch = ANY (%s)
