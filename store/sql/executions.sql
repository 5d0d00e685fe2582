-- name: propose
-- Insert a proposal; nothing where the thread's attempt has one.
INSERT INTO executions (id, incident_id, attempt, origin, playbook_id, playbook_version, action, resource_id, endpoint_id,
                        intent, observed, intent_hash, requester, signature, environment)
VALUES (%(id)s, %(incident_id)s, %(attempt)s, %(origin)s, %(playbook_id)s, %(playbook_version)s, %(action)s,
        %(resource_id)s, %(endpoint_id)s, %(intent)s, %(observed)s, %(intent_hash)s, %(requester)s, %(signature)s, %(environment)s)
ON CONFLICT (incident_id, attempt) WHERE origin = 'thread' DO NOTHING RETURNING *

-- name: of_attempt
-- The thread's proposal of one attempt.
SELECT * FROM executions WHERE incident_id = %s AND attempt = %s AND origin = 'thread'

-- name: move
-- Compare and set a state; the result is merged.
UPDATE executions SET state = %(after)s, updated_at = store.now(), result = result || %(result)s,
  acted_at = CASE WHEN %(after)s = 'invalidated' THEN NULL ELSE acted_at END,
  finished_at = CASE WHEN %(after)s IN ('succeeded', 'failed') THEN store.now() ELSE finished_at END,
  lease_owner = CASE WHEN %(after)s IN ('claimed', 'running') THEN lease_owner END,
  lease_until = CASE WHEN %(after)s IN ('claimed', 'running') THEN lease_until END
WHERE id = %(id)s AND state = %(before)s AND (%(token)s::bigint IS NULL OR token = %(token)s)
RETURNING *

-- name: adopt
-- What the logbook saw begun and this copy does not know as begun: nobody knows how it ended.
UPDATE executions SET state = %(state)s, token = greatest(token, %(token)s), acted_at = %(at)s, updated_at = store.now(),
  lease_owner = NULL, lease_until = NULL
WHERE id = %(id)s AND state = ANY (%(not_begun)s) RETURNING *

-- name: adopt_lost
-- The same for one that this copy has never heard of.
INSERT INTO executions (id, incident_id, attempt, origin, state, playbook_id, playbook_version, action, resource_id,
                        endpoint_id, intent, intent_hash, requester, signature, environment, token, acted_at)
VALUES (%(id)s, %(incident_id)s, %(attempt)s, 'logbook', %(state)s, %(playbook_id)s, %(playbook_version)s, %(action)s,
        %(resource_id)s, %(endpoint_id)s, %(intent)s, %(intent_hash)s, %(requester)s, %(signature)s, %(environment)s,
        %(token)s, %(at)s)
ON CONFLICT DO NOTHING RETURNING *

-- name: states
-- Where some executions are.
SELECT id, state FROM executions WHERE id = ANY (%s)

-- name: waiting
-- What waits for a decision or a worker, locked.
SELECT id, state FROM executions WHERE state IN ('awaiting_approval', 'approved') ORDER BY id FOR UPDATE

-- name: set_decision
-- What the gate decided.
UPDATE executions SET decision = %s WHERE id = %s

-- name: set_card
-- What people will see.
UPDATE executions SET card = %s WHERE id = %s

-- name: get
-- One execution.
SELECT * FROM executions WHERE id = %s

-- name: of_incident
-- All executions of an incident.
SELECT * FROM executions WHERE incident_id = %s ORDER BY created_at, id

-- name: claim
-- Take an approved execution whose resource is free; the unique index settles races.
UPDATE executions e SET state = 'claimed', token = token + 1, lease_owner = %(owner)s, updated_at = store.now(),
  lease_until = store.now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND state = 'approved' AND NOT EXISTS (
  SELECT 1 FROM executions o WHERE o.resource_id = e.resource_id AND o.id <> e.id
    AND o.state IN ('claimed', 'running', 'succeeded', 'verifying', 'unknown', 'needs_human'))
RETURNING *

-- name: commit_intent
-- The fencing check right before the intent: same token, lease alive.
UPDATE executions SET acted_at = store.now(), lease_until = store.now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND token = %(token)s AND state = 'claimed' AND lease_until > store.now() RETURNING *

-- name: renew
-- A running action whose worker lives.
UPDATE executions SET lease_until = store.now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND token = %(token)s AND state = 'running'

-- name: lost_lease
-- Work whose worker is gone, one of it.
SELECT * FROM executions WHERE state IN ('claimed', 'running') AND lease_until < store.now() AND id <> ALL (%s)
ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: forgotten
-- Nothing will move them on: no timer, no job.
SELECT id, state FROM executions e
WHERE state = ANY (%s) AND outcome IS NULL AND updated_at < store.now() - make_interval(secs => %s)
  AND NOT EXISTS (SELECT 1 FROM due WHERE key = e.id::text)
  AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j
                  WHERE j.status IN ('todo', 'doing') AND j.args->>'execution_id' = e.id::text)

-- name: open_on
-- What blocks a resource.
SELECT id, state FROM executions WHERE resource_id = %s
  AND state IN ('claimed', 'running', 'succeeded', 'verifying', 'unknown', 'needs_human')

-- name: attempts
-- Committed tries; failed and unknown ones count too.
SELECT count(*) FILTER (WHERE incident_id = %(incident)s AND playbook_id = %(playbook)s) AS in_incident,
       max(acted_at) FILTER (WHERE resource_id = %(resource)s AND playbook_id = %(playbook)s) AS last_at,
       count(*) FILTER (WHERE acted_at > store.now() - interval '1 hour') AS last_hour
FROM executions WHERE acted_at IS NOT NULL

-- name: alarms_after
-- Open incidents of some services that began, or began again, after a moment.
SELECT id, service, began_at FROM (
  SELECT i.id, i.service, greatest(i.opened_at, (
    SELECT max(t.at) FROM timeline t WHERE t.incident_id = i.id AND t.kind = 'incident.reopened')) AS began_at
  FROM incidents i
  WHERE i.environment = %(environment)s AND i.service = ANY (%(services)s) AND i.id <> %(besides)s
    AND i.resolved_at IS NULL) AS open
WHERE began_at >= %(since)s ORDER BY began_at, id LIMIT 10

-- name: told_once
-- Open alerts of an incident whose senders tell when something begins, and may never tell that it is over.
SELECT count(*) AS alerts FROM alerts WHERE incident_id = %s AND ended_at IS NULL
  AND source IN (SELECT name FROM sources WHERE kind = 'exceptions')

-- name: alerts_at
-- What others than one source said of an incident at a moment, by what they have told since.
SELECT count(*) AS alerts,
       count(*) FILTER (WHERE (ended_at IS NULL OR ended_at >= %(at)s - make_interval(secs => %(margin)s))
                          AND source NOT IN (SELECT name FROM sources WHERE kind = 'exceptions')) AS firing,
       count(*) FILTER (WHERE source IN (SELECT name FROM sources WHERE kind = 'exceptions')) AS once
FROM alerts WHERE incident_id = %(incident)s AND source <> %(not)s AND received_at <= %(at)s

-- name: set_usual_traffic
-- The traffic from before the trouble.
UPDATE executions SET usual_traffic = %s WHERE id = %s

-- name: add_check
-- One evaluation of the signals.
INSERT INTO checks (execution_id, at, state, traffic, detail) VALUES (%s, store.now(), %s, %s, %s) ON CONFLICT DO NOTHING

-- name: checks
-- All evaluations.
SELECT extract(epoch FROM at)::float8 AS at, state, traffic, detail FROM checks WHERE execution_id = %s ORDER BY at

-- name: learn
-- Write the outcome once.
UPDATE executions SET outcome = %s, learned_at = store.now() WHERE id = %s AND outcome IS NULL RETURNING id
