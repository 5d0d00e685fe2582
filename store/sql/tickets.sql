-- name: mint
-- A new ticket, unless the same thing has one on this channel.
INSERT INTO tickets (ticket, channel, verb, incident_id, subject, bound)
VALUES (%(ticket)s, %(channel)s, %(verb)s, %(incident)s, %(subject)s, %(bound)s)
ON CONFLICT (channel, verb, incident_id, subject, bound) DO NOTHING RETURNING ticket

-- name: same
-- The ticket of a thing on a channel, and whether it is too old to be good.
SELECT ticket, created_at < store.now() - make_interval(secs => %(keep_s)s) AS is_old FROM tickets
WHERE channel = %(channel)s AND verb = %(verb)s AND incident_id IS NOT DISTINCT FROM %(incident)s::uuid
  AND subject = %(subject)s AND bound = %(bound)s

-- name: read
-- One ticket with the messages that carry it.
SELECT t.*, t.created_at < store.now() - make_interval(secs => %(keep_s)s) AS is_old,
  coalesce((SELECT jsonb_agg(jsonb_build_array(p.chat, p.ref)) FROM ticket_places p WHERE p.ticket = t.ticket), '[]') AS places
FROM tickets t WHERE t.ticket = %(ticket)s

-- name: renew
-- A ticket that grew old while what it is about goes on.
UPDATE tickets SET created_at = store.now() WHERE ticket = %s

-- name: shown
-- A message carries a ticket.
INSERT INTO ticket_places (ticket, chat, ref, is_question) SELECT ticket, %s, %s, %s FROM tickets WHERE ticket = %s
ON CONFLICT DO NOTHING

-- name: question
-- The ticket that a message asks for words about.
SELECT t.* FROM ticket_places p JOIN tickets t ON t.ticket = p.ticket
WHERE t.channel = %s AND p.chat = %s AND p.ref = %s AND p.is_question ORDER BY p.shown_at DESC LIMIT 1

-- name: forget
-- Tickets that are too old to be good for anything.
DELETE FROM tickets WHERE created_at < store.now() - make_interval(secs => %s)
