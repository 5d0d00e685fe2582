-- name: register
-- The ids of series, made where they are new.
WITH wanted AS (SELECT decode(digest, 'hex') AS digest, metric, labels
                FROM jsonb_to_recordset(%(rows)s) AS b (digest text, metric text, labels jsonb)),
made AS (INSERT INTO series (digest, metric, labels) SELECT digest, metric, labels FROM wanted
         ON CONFLICT (digest) DO UPDATE SET metric = excluded.metric RETURNING id, digest)
SELECT id, encode(digest, 'hex') AS digest FROM made

-- name: insert
-- The samples of one scrape.
INSERT INTO samples (series_id, at, value)
SELECT id, %s, value FROM unnest(%s::bigint[], %s::float8[]) AS b (id, value) ON CONFLICT DO NOTHING

-- name: read
-- Raw series with their points as two arrays.
SELECT s.metric, s.labels, p.times, p.values FROM series s
CROSS JOIN LATERAL (
  SELECT array_agg(extract(epoch FROM at)::float8 ORDER BY at) AS times, array_agg(value ORDER BY at) AS values
  FROM samples WHERE series_id = s.id AND at BETWEEN %s AND %s
) p
WHERE s.metric = ANY (%s) AND s.labels @> %s AND p.times IS NOT NULL

-- name: forget
-- Retention.
DELETE FROM samples WHERE at < store.now() - make_interval(secs => %s)
