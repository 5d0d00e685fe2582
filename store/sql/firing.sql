-- name: of_incident
-- The firing alerts of an incident with the labels that matchers see.
SELECT a.identity, store.seen_labels(a) AS labels FROM alerts a
WHERE a.incident_id = %s AND a.ended_at IS NULL ORDER BY a.id LIMIT %s

-- name: sources
-- Firing alerts with these labels that agree with at least one of these sets of labels.
SELECT a.identity, store.seen_labels(a) AS labels FROM alerts a
WHERE a.ended_at IS NULL AND store.seen_labels(a) @> %s AND store.seen_labels(a) @> ANY (%s::jsonb[])
ORDER BY a.identity LIMIT %s

-- name: of_signature
-- When incidents of a signature were opened, newest first, of the last 30 days.
SELECT opened_at FROM incidents WHERE signature = %s AND opened_at > store.now() - interval '30 days'
ORDER BY opened_at DESC LIMIT %s
