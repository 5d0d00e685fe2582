-- name: alone
-- One guess at a time about the same subject, until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('guess:' || %s, 0))

-- name: lately
-- How many guesses there were lately, and in how many seconds the oldest of them is forgotten.
SELECT count(*) AS guesses, extract(epoch FROM min(at) - store.now())::float8 + %(window_s)s AS free_in_s FROM guesses
WHERE subject = %(subject)s AND at > store.now() - make_interval(secs => %(window_s)s)

-- name: add
-- A guess.
INSERT INTO guesses (id, subject) VALUES (%s, %s)

-- name: take_back
-- These guesses were right.
DELETE FROM guesses WHERE id = ANY (%s)

-- name: forget
-- Guesses that nothing asks for any more, some at a time.
DELETE FROM guesses WHERE id IN (
  SELECT id FROM guesses WHERE at < store.now() - interval '1 day' ORDER BY at LIMIT 100 FOR UPDATE SKIP LOCKED)
