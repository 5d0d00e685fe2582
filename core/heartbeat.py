"""Heartbeats: alerts that always fire, such as `Watchdog`. They are never trouble; their absence is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from core.matcher import Matcher, Operator, all_match

GAPS_LEARNED_MIN = 3
GAPS_LOOKED_AT_MAX = 20
INTERVAL_S_ASSUMED = 4 * 3600.0
MISSED_FACTOR = 2.5


class HeartbeatState(StrEnum):
    """Is the sender alive, as far as its heartbeat says?"""

    BEATING = "beating"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class IntervalReason(StrEnum):
    """Where the interval comes from that absence is judged by."""

    CONFIGURED = "configured"
    LEARNED = "learned"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class HeartbeatRule:
    """Which alerts are heartbeats; the interval is learned where none is given."""

    id: str
    matchers: tuple[Matcher, ...]
    interval_s: float | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The state, by which interval, and when absence begins (or began)."""

    state: HeartbeatState
    reason: IntervalReason
    interval_s: float
    absent_at: datetime


DEFAULT_RULES = tuple(
    HeartbeatRule(name.lower(), (Matcher("alertname", Operator.EQUAL, name),))
    for name in ("Watchdog", "DeadMansSwitch")
)


def heartbeat_rule(labels: Mapping[str, str], rules: Iterable[HeartbeatRule] = DEFAULT_RULES) -> HeartbeatRule | None:
    """The first rule by which this alert is a heartbeat; None where it is an ordinary one."""
    return next((rule for rule in rules if all_match(rule.matchers, labels)), None)


def interval(rule: HeartbeatRule, beats: Sequence[datetime]) -> tuple[float, IntervalReason]:
    """The interval in seconds: the configured one, else the median of the last gaps, else a long one.

    `beats` in any order; two at the same moment are one (replicas).
    """
    if rule.interval_s is not None:
        return rule.interval_s, IntervalReason.CONFIGURED
    times = sorted(set(beats))[-(GAPS_LOOKED_AT_MAX + 1) :]
    gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
    if len(gaps) < GAPS_LEARNED_MIN:
        return INTERVAL_S_ASSUMED, IntervalReason.ASSUMED
    return median(gaps), IntervalReason.LEARNED


def pulse(rule: HeartbeatRule, beats: Sequence[datetime], now: datetime, heard_since: datetime | None = None) -> Pulse:
    """Is it absent? Only after a beat can one be missed: `beats` holds at least one. A resolve is no beat.

    `heard_since`: senders could not reach us before it, so nothing was missed then; what is overdue only because of
    that is unknown until a whole allowance has passed.
    """
    interval_s, reason = interval(rule, beats)
    allowed = timedelta(seconds=interval_s * MISSED_FACTOR)
    last = max(beats)
    absent_at = max(last, heard_since or last) + allowed
    overdue = HeartbeatState.UNKNOWN if now > last + allowed else HeartbeatState.BEATING
    return Pulse(HeartbeatState.ABSENT if now > absent_at else overdue, reason, interval_s, absent_at)
