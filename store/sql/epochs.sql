-- name: get
-- Which database this is, how many intents it has committed, and whether it was used elsewhere before.
SELECT database_id, epoch, place NOT IN ('', store.place()) AS is_moved FROM epochs

-- name: advance
-- One intent more.
UPDATE epochs SET epoch = epoch + 1 RETURNING database_id, epoch

-- name: catch_up
-- What a logbook knows of was begun after this copy was made; and this is the place from now on.
UPDATE epochs SET epoch = greatest(epoch, %s), place = store.place()
WHERE epoch < %s OR place <> store.place()
