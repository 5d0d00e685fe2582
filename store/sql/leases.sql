-- name: lead
-- Take a free or ended lease with a higher token, or prolong one's own.
INSERT INTO leases (name, owner, until)
VALUES (%(name)s, %(owner)s, store.now() + make_interval(secs => %(lease_s)s))
ON CONFLICT (name) DO UPDATE SET
  token = leases.token + (leases.owner <> excluded.owner)::int, owner = excluded.owner, until = excluded.until
WHERE leases.owner = excluded.owner OR leases.until < store.now()
RETURNING token

-- name: release
-- End one's own lease now.
UPDATE leases SET until = store.now() - interval '1 second' WHERE name = %(name)s AND owner = %(owner)s
