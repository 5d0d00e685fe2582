-- name: put
-- Keep a diagnosis once an attempt.
INSERT INTO diagnoses (incident_id, attempt, body) VALUES (%s, %s, %s)
ON CONFLICT (incident_id, attempt) DO NOTHING RETURNING attempt

-- name: get
-- The diagnosis of an attempt.
SELECT body FROM diagnoses WHERE incident_id = %s AND attempt = %s

-- name: last
-- The newest diagnosis.
SELECT attempt, body, created_at FROM diagnoses WHERE incident_id = %s ORDER BY attempt DESC LIMIT 1
