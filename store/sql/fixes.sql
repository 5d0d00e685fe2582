-- name: remember
-- Keep a fix once an execution.
INSERT INTO fixes (id, incident_id, execution_id, signature, environment, event, symptoms, action, result, lesson)
VALUES (%(id)s, %(incident_id)s, %(execution_id)s, %(signature)s, %(environment)s, %(event)s, %(symptoms)s, %(action)s,
        %(result)s, %(lesson)s)
ON CONFLICT (execution_id) DO NOTHING RETURNING id

-- name: remember_by_hand
-- What a person did, one an incident; the newest answer counts.
INSERT INTO fixes (id, incident_id, signature, environment, event, symptoms, action, result, lesson)
VALUES (%(id)s, %(incident_id)s, %(signature)s, %(environment)s, %(event)s, %(symptoms)s, %(action)s, %(result)s,
        %(lesson)s)
ON CONFLICT (incident_id) WHERE execution_id IS NULL DO UPDATE SET symptoms = excluded.symptoms,
  action = excluded.action, result = excluded.result, lesson = excluded.lesson, embedding = NULL, embedding_model = NULL
RETURNING id

-- name: forget_by_hand
-- A person took back that something was done by hand.
DELETE FROM fixes WHERE incident_id = %s AND execution_id IS NULL

-- name: unembedded
-- What waits for a vector of this model.
SELECT id, event, symptoms, lesson FROM fixes WHERE embedding_model IS DISTINCT FROM %s ORDER BY created_at LIMIT %s

-- name: embed
-- Store a vector.
UPDATE fixes SET embedding = %s::halfvec, embedding_model = %s WHERE id = %s

-- name: by_words
-- Same signature first, then shared words; an OR of the words, ranked by ts_rank.
WITH asked AS (
  SELECT coalesce(nullif(string_agg(quote_literal(lexeme), ' | '), ''), '')::tsquery AS query
  FROM unnest(to_tsvector('simple', %(words)s))
)
SELECT f.id, f.incident_id, f.execution_id, i.number, f.signature, f.environment, f.event, f.symptoms, f.action,
       f.result, f.lesson, f.created_at, f.signature = %(signature)s AS same_signature, ts_rank(f.words, asked.query) AS score
FROM fixes f CROSS JOIN asked JOIN incidents i ON i.id = f.incident_id
WHERE f.signature = %(signature)s OR f.words @@ asked.query
ORDER BY (f.signature = %(signature)s) DESC, (f.environment = %(environment)s) DESC, score DESC, f.created_at DESC
LIMIT %(rows)s

-- name: by_vector_384
-- Nearest by cosine, with the index for vectors of 384 dimensions.
SELECT f.id, f.incident_id, f.execution_id, i.number, f.signature, f.environment, f.event, f.symptoms, f.action,
       f.result, f.lesson, f.created_at, 1 - (f.embedding::halfvec(384) <=> %(vector)s::halfvec(384)) AS score
FROM fixes f JOIN incidents i ON i.id = f.incident_id
WHERE f.embedding_model = %(model)s AND vector_dims(f.embedding) = 384
ORDER BY f.embedding::halfvec(384) <=> %(vector)s::halfvec(384) LIMIT %(rows)s

-- name: by_vector
-- Nearest by cosine, any dimension.
SELECT f.id, f.incident_id, f.execution_id, i.number, f.signature, f.environment, f.event, f.symptoms, f.action,
       f.result, f.lesson, f.created_at, 1 - (f.embedding <=> %(vector)s::halfvec) AS score
FROM fixes f JOIN incidents i ON i.id = f.incident_id
WHERE f.embedding_model = %(model)s ORDER BY f.embedding <=> %(vector)s::halfvec LIMIT %(rows)s
