-- name: insert
-- Keep a change once.
INSERT INTO changes (id, source, external_id, kind, environment, service, version, previous_version, summary, author, at)
VALUES (%(id)s, %(source)s, %(external_id)s, %(kind)s, %(environment)s, %(service)s, %(version)s, %(previous_version)s,
        %(summary)s, %(author)s, %(at)s)
ON CONFLICT (source, external_id) DO NOTHING RETURNING id

-- name: between
-- Changes of services in a range of time.
SELECT id, source, kind, environment, service, version, previous_version, summary, author, at FROM changes
WHERE environment = %s AND service = ANY (%s) AND at BETWEEN %s AND %s ORDER BY at DESC LIMIT 100

-- name: current_release
-- What runs now, as the deployer told us.
SELECT version, previous_version, kind, at FROM changes
WHERE environment = %s AND service = %s AND kind IN ('deploy', 'rollback') AND version <> '' ORDER BY at DESC, id DESC LIMIT 1
