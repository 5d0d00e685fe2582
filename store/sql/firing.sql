-- name: of_incident
-- The firing alerts of an incident with the labels that matchers see.
SELECT a.identity, store.seen_labels(a) AS labels FROM alerts a
WHERE a.incident_id = %s AND a.ended_at IS NULL ORDER BY a.received_at, a.id LIMIT %s

-- name: is_critical
-- Does anything critical of an incident fire?
SELECT EXISTS (
  SELECT FROM alerts WHERE incident_id = %s AND ended_at IS NULL AND severity = 'critical') AS is_critical

-- name: sources
-- Firing alerts with these labels that agree with at least one of these sets of labels.
SELECT a.identity, store.seen_labels(a) AS labels FROM alerts a
WHERE a.ended_at IS NULL AND store.seen_labels(a) @> %s AND store.seen_labels(a) @> ANY (%s::jsonb[])
ORDER BY a.identity LIMIT %s

-- name: of_signature
-- When incidents of a signature were opened, newest first, of the 30 days up to a moment.
SELECT opened_at FROM incidents
WHERE signature = %s AND opened_at <= %s AND opened_at > %s::timestamptz - interval '30 days'
ORDER BY opened_at DESC LIMIT %s
