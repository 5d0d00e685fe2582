"""Heartbeats among what arrives: taken out before anything is folded, since an alert that always fires is no trouble.

`HeartbeatRules.current()` is the rules, `split()` the sorting, `record()` the storing. A resolve is no beat: it stays
with the ordinary alerts, where it ends whatever was opened before there was a rule.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from core.alert import Alert, AlertStatus
from core.heartbeat import DEFAULT_RULES, HeartbeatRule, heartbeat_rule
from core.matcher import Operator
from core.notice_rule import NoticeKind, heartbeat_of
from store import heartbeats, notice_rules
from store.ids import new_id
from store.pool import Connection, Store

log = structlog.get_logger(__name__)

RULES_FRESH_S = 1.0
CONNECTION_WAIT_S = 3.0
# Alerts that this program raises itself: never beats, whatever a rule says.
OWN_SOURCE = "nightshift"


@dataclass(frozen=True, slots=True)
class Rules:
    """Heartbeat rules, the first that matches counts; the alert names that they ask for; does any ask for none?"""

    ordered: tuple[HeartbeatRule, ...]
    names: frozenset[str]
    has_nameless: bool

    def of(self, source: str, labels: Mapping[str, str]) -> HeartbeatRule | None:
        """The rule by which these labels are a heartbeat's."""
        return heartbeat_rule({"source": source, **labels}, self.ordered)


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat, and the rule by which it is one."""

    rule: HeartbeatRule
    alert: Alert


def index(rules: Iterable[HeartbeatRule]) -> Rules:
    """Rules in their order, ready for `split`."""
    ordered = tuple(rules)
    names = [_name(rule) for rule in ordered]
    return Rules(ordered, frozenset(name for name in names if name), not all(names))


async def read_rules(conn: Connection) -> Rules:
    """What operators set, newest first, then the ones that ship."""
    rows = await notice_rules.in_force(conn, [NoticeKind.HEARTBEAT])
    return index([*map(heartbeat_of, reversed(rows)), *DEFAULT_RULES])


class HeartbeatRules:
    """The rules as they are set now, at most RULES_FRESH_S old."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_at = -RULES_FRESH_S
        self._rules: Rules | None = None

    async def current(self) -> Rules:
        """The rules. Raises Unavailable where they were never read and the database is away."""
        if self._rules is None or monotonic() - self._read_at > RULES_FRESH_S:
            self._read_at = monotonic()  # whoever asks meanwhile takes those of before
            async with self._store.begin(wait_s=CONNECTION_WAIT_S) as conn:
                self._rules = await read_rules(conn)
        return self._rules


def split(batch: Sequence[Alert], rules: Rules) -> tuple[Sequence[Alert], list[Beat]]:
    """The ordinary alerts, in order, and the beats. Costs one set lookup an alert while every rule names its alerts."""
    names = rules.names
    if not rules.has_nameless and not any(alert.labels.get("alertname") in names for alert in batch):
        return batch, []
    ordinary: list[Alert] = []
    beats: list[Beat] = []
    for alert in batch:
        rule = _rule(alert, rules)
        if rule is None:
            ordinary.append(alert)
        else:
            beats.append(Beat(rule, alert))
    return ordinary, beats


async def record(conn: Connection, beats: Sequence[Beat]) -> list[Alert]:
    """Count beats, each heartbeat once; those for which there is no room, to be folded like ordinary alerts."""
    last = {beat.alert.identity: beat for beat in beats}
    rows = [
        {
            "identity": identity,
            "id": str(new_id()),
            "rule_id": beat.rule.id,
            "source": beat.alert.source,
            "labels": dict(beat.alert.labels),
        }
        for identity, beat in last.items()
    ]
    kept = await heartbeats.record(conn, rows) if rows else set()
    left = [beat.alert for identity, beat in last.items() if identity not in kept]
    if left:
        log.warning("heartbeats.too_many", kept_max=heartbeats.HEARTBEATS_MAX, left=len(left))
    return left


def _rule(alert: Alert, rules: Rules) -> HeartbeatRule | None:
    may_be_one = rules.has_nameless or alert.labels.get("alertname") in rules.names
    if not may_be_one or alert.status is not AlertStatus.FIRING or alert.source == OWN_SOURCE:
        return None
    return rules.of(alert.source, alert.labels)


def _name(rule: HeartbeatRule) -> str:
    """The alert name that a rule asks for; empty where it asks for none, or for one that is missing."""
    asked = (m.value for m in rule.matchers if m.label == "alertname" and m.operator is Operator.EQUAL)
    return next(asked, "")
