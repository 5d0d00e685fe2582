"""Staleness: an alert that merely stops being repeated. Nobody said that it is over, so it is unknown, never well."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

STALE_FACTOR = 3.0
TELL_AFTER_S = 3600.0


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
