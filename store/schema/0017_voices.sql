-- Chats where people are told and answer: the thread of an incident, what was posted, and when a chat may be written to.

-- The thread of an incident in a channel. `root` is its first message; `thread` is the topic where the platform has some.
CREATE TABLE conversations (
  channel     text NOT NULL,
  incident_id uuid NOT NULL REFERENCES incidents,
  chat        text NOT NULL,
  thread      text NOT NULL,
  root        text NOT NULL,
  opened_at   timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (channel, incident_id)
);
CREATE INDEX conversations_by_incident ON conversations (incident_id);
CREATE INDEX conversations_by_place ON conversations (channel, chat, thread);

-- A message of ours that is edited when what it shows has changed: `shown` is the hash of what it shows now.
CREATE TABLE posts (
  channel     text NOT NULL,
  subject     text NOT NULL,
  incident_id uuid REFERENCES incidents,
  chat        text NOT NULL,
  thread      text NOT NULL,
  root        text NOT NULL,
  ref         text NOT NULL,
  shown       text NOT NULL,
  posted_at   timestamptz NOT NULL DEFAULT store.now(),
  edited_at   timestamptz,
  PRIMARY KEY (channel, subject)
);
CREATE INDEX posts_by_ref ON posts (channel, chat, ref);

-- A chat that must not be written to before a moment: the platform asked for it, or does not answer.
CREATE TABLE chat_waits (
  channel  text NOT NULL,
  chat     text NOT NULL,
  until    timestamptz NOT NULL,
  failures integer NOT NULL,
  reason   text NOT NULL,
  PRIMARY KEY (channel, chat)
);

-- In chats one row of the outbox stands for one message: it waits again (`wanted` grows) whenever what its `subject`
-- shows may have changed. `not_before` is when it may be tried again.
ALTER TABLE notifications
  ADD COLUMN subject    text NOT NULL DEFAULT '',
  ADD COLUMN wanted     integer NOT NULL DEFAULT 1,
  ADD COLUMN wanted_at  timestamptz NOT NULL DEFAULT store.now(),
  ADD COLUMN not_before timestamptz NOT NULL DEFAULT store.now();
CREATE INDEX notifications_waiting ON notifications (channel) WHERE state = 'pending';
