-- What is pressed and written in chats: what a button stands for, where it was shown, and what was heard already.

-- A button carries only the ticket. The same thing on the same channel always has the same ticket, so that a message
-- that is sent or edited again carries the same buttons.
CREATE TABLE tickets (
  ticket      text PRIMARY KEY,
  channel     text NOT NULL,
  verb        text NOT NULL,
  incident_id uuid REFERENCES incidents,
  subject     text NOT NULL,
  bound       text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT store.now(),
  UNIQUE NULLS NOT DISTINCT (channel, verb, incident_id, subject, bound)
);
CREATE INDEX tickets_by_time ON tickets (created_at);

-- The messages that carry a ticket; a question is one that asks for words, and whoever answers it means this ticket.
CREATE TABLE ticket_places (
  ticket      text NOT NULL REFERENCES tickets ON DELETE CASCADE,
  chat        text NOT NULL,
  ref         text NOT NULL,
  is_question boolean NOT NULL DEFAULT false,
  shown_at    timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (ticket, chat, ref)
);
CREATE INDEX ticket_places_by_message ON ticket_places (chat, ref);

-- Platforms deliver at least once, and a signed post can be sent again by whoever saw it: each counts once.
CREATE TABLE heard_updates (
  channel  text NOT NULL,
  delivery text NOT NULL,
  heard_at timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (channel, delivery)
);
CREATE INDEX heard_updates_by_time ON heard_updates (heard_at);
