"""Staleness: an alert that merely stops being repeated. Nobody said that it is over, so it is unknown, never well.

How often an alert is repeated is what the operator says of its source; else what its sender promised: Prometheus sends
with every firing alert an end about four of its resend intervals ahead, and says it again long before. The alert
is stale when that promise is broken. Where neither is known, nothing ever is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

STALE_FACTOR = 3.0
TELL_AFTER_S = 3600.0
# Prometheus' own least promise: four times its usual resend delay of a minute. A shorter one is a wrong clock.
PROMISE_S_MIN = 240.0
PROMISE_S_MAX = 30 * 86_400.0


class Freshness(StrEnum):
    """What is known of an open alert. There is no word for `over` here: only a resolve says that."""

    FRESH = "fresh"
    STALE = "stale"


class StaleReason(StrEnum):
    """Why."""

    REPEATED = "repeated"
    NO_INTERVAL = "no_interval"
    NOT_REPEATED = "not_repeated"
    NOT_REPEATED_FOR_LONG = "not_repeated_for_long"


@dataclass(frozen=True, slots=True)
class Staleness:
    """The judgement, and when it may change; `next_at` is None where time alone changes nothing."""

    state: Freshness
    reason: StaleReason
    next_at: datetime | None = None

    @property
    def shown_as(self) -> str:
        """The word that people see."""
        return "firing" if self.state is Freshness.FRESH else "unknown"

    @property
    def is_told(self) -> bool:
        """Does a human have to hear of it?"""
        return self.reason is StaleReason.NOT_REPEATED_FOR_LONG


def promise(ends_at: datetime | None, now: datetime) -> float | None:
    """For how many seconds a firing alert holds by the end that its sender gave; None where that says nothing."""
    ahead_s = (ends_at - now).total_seconds() if ends_at else 0.0
    return max(ahead_s, PROMISE_S_MIN) if 0 < ahead_s <= PROMISE_S_MAX else None


def repeat_interval(configured_s: float | None, promised_s: float | None) -> float | None:
    """The interval to judge by: the operator's word, else the one after which a promise is broken just in time."""
    if configured_s is not None:
        return configured_s
    return None if promised_s is None else promised_s / STALE_FACTOR


def staleness(
    last_received_at: datetime,
    now: datetime,
    *,
    repeat_s: float | None,
    factor: float = STALE_FACTOR,
    tell_after_s: float = TELL_AFTER_S,
) -> Staleness:
    """Judge an open alert; `repeat_s` is its source's repeat interval, None where nobody knows it."""
    if repeat_s is None:
        return Staleness(Freshness.FRESH, StaleReason.NO_INTERVAL)
    stale_at = last_received_at + timedelta(seconds=repeat_s * factor)
    told_at = stale_at + timedelta(seconds=tell_after_s)
    if now <= stale_at:
        return Staleness(Freshness.FRESH, StaleReason.REPEATED, stale_at)
    if now <= told_at:
        return Staleness(Freshness.STALE, StaleReason.NOT_REPEATED, told_at)
    return Staleness(Freshness.STALE, StaleReason.NOT_REPEATED_FOR_LONG)
