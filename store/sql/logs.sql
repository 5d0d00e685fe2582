-- name: insert
-- The lines that one read of one file brought.
INSERT INTO log_chunks (service, environment, file, first_at, last_at, lines, bytes, ats, levels, follows, texts)
VALUES (%(service)s, %(environment)s, %(file)s, to_timestamp(%(first_at)s), to_timestamp(%(last_at)s), %(lines)s,
        %(bytes)s, %(ats)s::float8[], %(levels)s::text[], %(follows)s::boolean[], %(texts)s::text[])

-- name: overlapping
-- The chunks that may hold lines of a range, the one with the newest line first.
SELECT id, extract(epoch FROM last_at)::float8 AS last_at, bytes FROM log_chunks
WHERE (%(service)s::text IS NULL OR service = %(service)s) AND last_at >= %(start)s AND first_at < %(end)s
ORDER BY last_at DESC, id DESC LIMIT %(chunks_max)s

-- name: newest_of
-- The newest lines of some chunks that are in a range, have one of the levels, and contain all words.
SELECT c.id, l.n, to_timestamp(l.at) AS at, c.received_at, c.service, c.environment, c.file, l.level, l.follows, l.text
FROM log_chunks c
CROSS JOIN LATERAL unnest(c.ats, c.levels, c.follows, c.texts) WITH ORDINALITY AS l (at, level, follows, text, n)
WHERE c.id = ANY (%(ids)s)
  AND l.at >= extract(epoch FROM %(start)s::timestamptz) AND l.at < extract(epoch FROM %(end)s::timestamptz)
  AND (%(levels)s::text[] IS NULL OR l.level = ANY (%(levels)s)) AND l.text ILIKE ALL (%(words)s::text[])
ORDER BY l.at DESC, c.id DESC, l.n DESC LIMIT %(limit)s

-- name: has_service
-- Is any line of a service kept?
SELECT 1 FROM log_chunks WHERE service = %s LIMIT 1

-- name: forget_old
-- Retention by age, a bounded number of chunks at once.
DELETE FROM log_chunks WHERE id IN (
  SELECT id FROM log_chunks WHERE received_at < store.now() - make_interval(secs => %(retention_s)s)
  LIMIT %(chunks_max)s
)

-- name: forget_over
-- The size cap: what lies behind the newest bytes goes, the oldest first, a bounded number of chunks at once.
DELETE FROM log_chunks WHERE id IN (
  SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY id DESC) AS newer FROM log_chunks) t
  WHERE newer > %(bytes_max)s ORDER BY id LIMIT %(chunks_max)s
)
