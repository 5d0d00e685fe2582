-- name: one_at_a_time
-- A person's questions are counted one after the other, in whichever threads they are asked.
SELECT id FROM persons WHERE id = %s FOR NO KEY UPDATE

-- name: waiting
-- How many questions wait or are being answered: in a thread, and of a person anywhere.
SELECT (SELECT count(*) FROM thread_runs WHERE thread_id = %(thread_id)s AND state IN ('queued', 'running')) AS of_thread,
       (SELECT count(*) FROM thread_runs WHERE person_id = %(person_id)s AND state IN ('queued', 'running')) AS of_person

-- name: add
-- A question that waits for its answer.
INSERT INTO thread_runs (id, thread_id, seq, person_id, person, role, via, asked_by, language, text)
VALUES (%(id)s, %(thread_id)s, %(seq)s, %(person_id)s, %(person)s, %(role)s, %(via)s, %(asked_by)s, %(language)s, %(text)s)

-- name: get
-- One run.
SELECT * FROM thread_runs WHERE id = %s

-- name: of_thread
-- The newest runs of a thread.
SELECT * FROM thread_runs WHERE thread_id = %s ORDER BY seq DESC LIMIT %s

-- name: open_of_thread
-- The runs of a thread that are not over, in their order.
SELECT * FROM thread_runs WHERE thread_id = %s AND state IN ('queued', 'running') ORDER BY seq

-- name: take_up
-- A run is somebody's from now on, and nobody's who had it before; with what who asked may do now (nothing where they do
-- not work here any more), and what the thread is about.
UPDATE thread_runs r SET state = 'running', attempt = attempt + 1, started_at = coalesce(started_at, store.now())
WHERE r.id = %s AND r.state IN ('queued', 'running')
RETURNING r.*, (SELECT p.role FROM persons p WHERE p.id = r.person_id AND p.disabled_at IS NULL) AS role_now,
  (SELECT t.incident_id FROM threads t WHERE t.id = r.thread_id) AS incident_id

-- name: end
-- A run comes to rest, if it is still in one of these states and, where one is named, of this attempt.
UPDATE thread_runs SET state = %(state)s, outcome = %(outcome)s, answer = %(answer)s, approval_id = %(approval_id)s,
  ended_at = CASE WHEN %(state)s = 'paused' THEN NULL ELSE store.now() END
WHERE id = %(id)s AND state = ANY (%(before)s) AND (%(attempt)s::integer IS NULL OR attempt = %(attempt)s)
RETURNING id

-- name: said
-- What this attempt has answered so far.
SELECT coalesce(string_agg(e.body->>'text', '' ORDER BY e.seq), '') AS text
FROM thread_runs r JOIN thread_events e ON e.thread_id = r.thread_id AND e.run_id = r.id AND e.kind = 'token'
WHERE r.id = %s AND e.seq > coalesce(
  (SELECT max(b.seq) FROM thread_events b WHERE b.thread_id = r.thread_id AND b.seq > r.seq AND b.run_id = r.id
   AND b.kind = 'run.restarted'), r.seq)

-- name: history
-- What was asked and answered in a thread before a run, newest first.
SELECT text, answer FROM thread_runs WHERE thread_id = %s AND seq < %s AND state <> 'queued' ORDER BY seq DESC LIMIT %s

-- name: forgotten
-- Runs that nobody answers and for which no job waits, the first of each thread.
SELECT DISTINCT ON (r.thread_id) r.id, r.thread_id FROM thread_runs r
WHERE r.state IN ('queued', 'running') AND r.created_at < store.now() - make_interval(secs => %s)
  AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.lock = 'thread:' || r.thread_id
                  AND j.status IN ('todo', 'doing'))
ORDER BY r.thread_id, r.seq

-- name: decided
-- Runs that wait for an approval about which nothing is left to decide.
SELECT r.*, a.state AS approval_state FROM thread_runs r JOIN approvals a ON a.id = r.approval_id
WHERE r.state = 'paused' AND a.state <> 'pending'
