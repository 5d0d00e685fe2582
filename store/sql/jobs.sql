-- name: defer
-- Put a job into the queue, unless `once` and one of its task and lock still waits there. No queueing lock: putting a
-- failed or rescued job back would collide with its twin and leave it stuck.
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, args)
SELECT %(queue)s::text, %(task)s::text, %(priority)s::integer, %(lock)s::text, %(args)s::jsonb
WHERE %(once)s::text IS NULL OR NOT EXISTS (
  SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND task_name = %(task)s::text AND lock = %(once)s::text)

-- name: defer_many
-- Put many jobs of one task into the queue.
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
SELECT 'default', %s, %s, jsonb_array_elements(%s)

-- name: set_due_many
-- Set or move many timers of one kind.
INSERT INTO due (kind, key, due_at, args)
SELECT %(kind)s, key, store.now() + make_interval(secs => %(delay)s), args
FROM jsonb_to_recordset(%(rows)s) AS b (key text, args jsonb)
ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at, args = excluded.args

-- name: set_soon
-- Timers that are due now; one that waits already stays as it is.
INSERT INTO due (kind, key, due_at, args)
SELECT %s, key, moment, args FROM jsonb_to_recordset(%s) AS b (key text, args jsonb), (SELECT store.now()) AS n (moment)
ON CONFLICT (kind, key) DO NOTHING

-- name: cancel_due_many
-- Remove many timers of one kind.
DELETE FROM due WHERE kind = %s AND key = ANY (%s)

-- name: set_due
-- Set or move a timer.
INSERT INTO due (kind, key, due_at, args)
VALUES (%(kind)s, %(key)s, store.now() + make_interval(secs => %(delay)s), %(args)s)
ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at, args = excluded.args

-- name: cancel_due
-- Remove a timer.
DELETE FROM due WHERE kind = %(kind)s AND key = %(key)s

-- name: take_due
-- Turn due timers into jobs, each key under its own lock, skipping what another worker takes and what waits already.
WITH taken AS (
  DELETE FROM due WHERE (kind, key) IN (
    SELECT kind, key FROM due WHERE due_at <= store.now() ORDER BY due_at LIMIT %(rows_max)s FOR UPDATE SKIP LOCKED
  ) RETURNING kind, key, args
)
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, args)
SELECT coalesce(%(queues)s::jsonb->>kind, 'default'), kind, coalesce((%(priorities)s::jsonb->>kind)::integer, 0),
       kind || ':' || key, args
FROM taken t
WHERE NOT EXISTS (
  SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND task_name = t.kind AND lock = t.kind || ':' || t.key)
