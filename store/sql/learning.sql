-- name: history
-- The newest outcomes of actions: one for each action with its parameters in an incident; that it helped in the end
-- outweighs that it had to be tried again. What is in doubt is shown as such until it is decided.
-- `returned`: the trouble was back within a day.
WITH once AS (
  SELECT DISTINCT ON (e.incident_id, e.action, e.intent->'parameters') e.*
  FROM executions e
  WHERE (e.outcome IS NOT NULL OR e.state IN ('unknown', 'needs_human', 'inconclusive'))
    AND (%(actions)s::text[] IS NULL OR e.action = ANY (%(actions)s))
  ORDER BY e.incident_id, e.action, e.intent->'parameters',
    (e.outcome IS NOT DISTINCT FROM 'stable') DESC,
    coalesce(e.outcome IN ('ineffective', 'regressed'), false) DESC, e.learned_at, e.id
)
SELECT e.id, e.incident_id, e.signature, e.environment, i.service, e.playbook_id, e.playbook_version, e.action,
       e.intent->'parameters' AS parameters, p.body->'parameters' AS rules,
       coalesce(e.outcome, CASE e.state WHEN 'inconclusive' THEN 'inconclusive' ELSE 'unknown' END) AS outcome,
       extract(epoch FROM coalesce(e.learned_at, e.updated_at))::float8 AS at,
       extract(epoch FROM e.finished_at - e.acted_at)::float8 AS seconds,
       e.outcome IS NOT DISTINCT FROM 'stable' AND (
         EXISTS (
           SELECT FROM incidents n
           WHERE n.signature = e.signature AND n.environment = i.environment AND n.service = i.service AND n.id <> i.id
             AND n.opened_at > e.finished_at AND n.opened_at <= e.finished_at + interval '24 hours')
         OR EXISTS (
           SELECT FROM timeline t WHERE t.incident_id = e.incident_id AND t.kind = 'incident.reopened'
             AND t.at > e.finished_at AND t.at <= e.finished_at + interval '24 hours')) AS returned
FROM once e JOIN incidents i ON i.id = e.incident_id
LEFT JOIN playbooks p ON p.id = e.playbook_id AND p.version = e.playbook_version
WHERE %(signature)s::text IS NULL OR e.signature = %(signature)s
ORDER BY coalesce(e.learned_at, e.updated_at) DESC, e.id DESC LIMIT %(rows)s

-- name: occurrences
-- How many incidents of each signature there were, the most frequent first; merged ones are part of another.
SELECT signature, count(*) AS occurrences, max(opened_at) AS last_at FROM incidents
WHERE merged_into IS NULL AND signature <> '' AND (%(signature)s::text IS NULL OR signature = %(signature)s)
GROUP BY signature ORDER BY count(*) DESC, signature LIMIT %(rows)s

-- name: tell_fix
-- What fixed it, by the word of a person; a later answer takes the place of the first.
INSERT INTO human_fixes (incident_id, signature, environment, playbook_id, words, is_alone, told_by)
VALUES (%(incident_id)s, %(signature)s, %(environment)s, %(playbook_id)s, %(words)s, %(is_alone)s, %(told_by)s)
ON CONFLICT (incident_id) DO UPDATE SET playbook_id = excluded.playbook_id, words = excluded.words,
  is_alone = excluded.is_alone, told_by = excluded.told_by, told_at = store.now()
RETURNING *

-- name: human_fix
-- What a person said about an incident.
SELECT * FROM human_fixes WHERE incident_id = %s

-- name: human_fixes
-- What people did by hand, counted by signature and playbook or words.
SELECT signature, playbook_id, CASE WHEN playbook_id IS NULL THEN words ELSE '' END AS words, is_alone,
       count(*) AS times
FROM human_fixes WHERE %(signature)s::text IS NULL OR signature = %(signature)s
GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, 1, 2, 3 LIMIT %(rows)s

-- name: shadow
-- Proposals that were only recorded (shadow mode, dry run) beside what people did: the playbook that they named, ''
-- where they did nothing, else the one that they had run.
SELECT e.signature, e.playbook_id AS proposed,
       coalesce(h.playbook_id, CASE WHEN h.is_alone THEN '' END, (
         SELECT o.playbook_id FROM executions o
         WHERE o.incident_id = e.incident_id AND o.origin = 'person' AND o.acted_at IS NOT NULL
           AND o.outcome IS NOT DISTINCT FROM 'stable' ORDER BY o.created_at DESC LIMIT 1)) AS done
FROM executions e LEFT JOIN human_fixes h ON h.incident_id = e.incident_id
WHERE e.decision->>'guardrail' IN ('shadow', 'dry_run') AND e.origin = 'thread'
  AND e.attempt = (SELECT min(f.attempt) FROM executions f WHERE f.incident_id = e.incident_id
                   AND f.decision->>'guardrail' IN ('shadow', 'dry_run') AND f.origin = 'thread')
  AND (%(signature)s::text IS NULL OR e.signature = %(signature)s)
ORDER BY e.created_at DESC LIMIT %(rows)s

-- name: is_healed
-- Did an action of ours help in this incident?
SELECT EXISTS (
  SELECT FROM executions WHERE incident_id = %s AND state IN ('running', 'succeeded', 'verifying', 'verified', 'stable')) AS is_healed

-- name: was_asked
-- Was it asked what fixed an incident?
SELECT EXISTS (SELECT FROM timeline WHERE incident_id = %s AND kind = 'fix.asked') AS was_asked

-- name: in_shadow
-- The shadow proposal of an incident, the first one.
SELECT playbook_id FROM executions
WHERE incident_id = %s AND origin = 'thread' AND decision->>'guardrail' IN ('shadow', 'dry_run')
ORDER BY attempt LIMIT 1

-- name: habit
-- How often people did the same by hand (a playbook, or much the same words), and how it was said first.
SELECT count(*) AS times, (array_agg(words ORDER BY told_at))[1] AS words FROM human_fixes
WHERE signature = %(signature)s AND NOT is_alone
  AND CASE WHEN %(playbook)s::text IS NULL
      THEN playbook_id IS NULL AND similarity(words, %(words)s::text) >= %(likeness)s
      ELSE playbook_id = %(playbook)s END

-- name: lock_draft
-- Two learners do not write the same draft: the second one waits, and finds it.
SELECT pg_advisory_xact_lock(hashtextextended('draft:' || %s, 0))
