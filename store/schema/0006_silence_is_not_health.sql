-- Silence is not health: heartbeats that can be missed, alerts that nobody repeats, and since when we can hear at all.

-- The kinds are named once, by NoticeKind in core/notice_rule.py, which every writer passes.
ALTER TABLE notice_rules DROP CONSTRAINT IF EXISTS notice_rules_kind_check;

-- Alerts that always fire, one row each. They are never incidents; their absence is.
CREATE TABLE heartbeats (
  identity     text PRIMARY KEY,
  id           uuid NOT NULL UNIQUE,
  rule_id      text NOT NULL,
  source       text NOT NULL,
  labels       jsonb NOT NULL,
  beats        timestamptz[] NOT NULL,
  last_beat_at timestamptz NOT NULL,
  absent_since timestamptz,
  retired_at   timestamptz
) WITH (fillfactor = 70);

-- One row: since when senders can reach us without a longer break. What was not heard before, nobody missed.
CREATE TABLE reception (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  since    timestamptz NOT NULL,
  seen_at  timestamptz NOT NULL
);

-- For how many seconds the sender's word holds that it will repeat the alert before; null where it gave none.
ALTER TABLE alerts ADD COLUMN promised_s real;

-- Open alerts that were not repeated in time: only the transitions are written. They count as firing until resolved.
-- No foreign key: its checks would lock and rewrite every alert, and the next sweep removes what has no open alert.
CREATE TABLE stale_alerts (
  alert_id uuid PRIMARY KEY,
  since    timestamptz NOT NULL,
  told_at  timestamptz
);
