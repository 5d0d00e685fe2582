-- Log lines of watched files: kept in chunks, read up to a place, counted for log rules.

-- A row is what one read of one file brought: parallel arrays, one element a line. So a thousand lines cost one row and
-- one index entry, they compress together, and the oldest are dropped by few deletes.
CREATE TABLE log_chunks (
  id          bigint GENERATED ALWAYS AS IDENTITY,
  service     text NOT NULL,
  environment text NOT NULL,
  file        text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT store.now(),
  first_at    timestamptz NOT NULL,
  last_at     timestamptz NOT NULL,
  lines       integer NOT NULL,
  bytes       bigint NOT NULL,
  ats         double precision[] NOT NULL, -- unix seconds
  levels      text[] NOT NULL,
  follows     boolean[] NOT NULL,          -- the line belongs to the one before it
  texts       text[] NOT NULL,
  PRIMARY KEY (id) INCLUDE (bytes)
);
CREATE INDEX log_chunks_by_service ON log_chunks (service, last_at);
CREATE INDEX log_chunks_by_time ON log_chunks (last_at);
CREATE INDEX log_chunks_received ON log_chunks USING brin (received_at);
DO $$ BEGIN
  ALTER TABLE log_chunks ALTER COLUMN texts SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL; -- a server built without lz4 compresses by its own method
END $$;

-- Up to where each file was read. The row moves in the transaction that stores the lines, and only from the version that
-- the reader knew: whoever reads too, or died in between, neither loses a line nor doubles one.
CREATE TABLE log_positions (
  watch       text NOT NULL,
  file        text NOT NULL,  -- device and inode
  path        text NOT NULL,
  place       bigint NOT NULL,
  fingerprint bytea NOT NULL,
  in_cut      boolean NOT NULL,
  last_at     double precision,
  version     bigint NOT NULL DEFAULT 1,
  seen_at     timestamptz NOT NULL DEFAULT store.now(),
  PRIMARY KEY (watch, file)
);

-- One row a watched folder: since when it is read, when all of it last was, and what is wrong with it.
CREATE TABLE log_watches (
  watch    text PRIMARY KEY,
  service  text NOT NULL,
  began_at timestamptz,
  seen_at  timestamptz NOT NULL DEFAULT store.now(),
  files    integer NOT NULL DEFAULT 0,
  faults   text[] NOT NULL DEFAULT '{}'
);

-- What log rules count, counted when the lines are stored.
CREATE TABLE log_tallies (
  tally    text PRIMARY KEY,
  began_at timestamptz NOT NULL DEFAULT store.now()
);
CREATE TABLE log_counts (
  tally       text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT store.now(),
  lines       integer NOT NULL,
  example     text NOT NULL
);
CREATE INDEX log_counts_recent ON log_counts (tally, received_at);
