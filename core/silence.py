"""Silences: while one is active, people are not told about the alerts that it matches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.matcher import Matcher, all_match

SILENCE_S_MAX = 90 * 86_400.0


class SilenceState(StrEnum):
    """Where a silence is in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Silence:
    """What is not told, from when until when, by whose word and why."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    reason: str = ""
    by: str = ""

    def state(self, now: datetime) -> SilenceState:
        """At its end a silence is over."""
        if now >= self.ends_at:
            return SilenceState.EXPIRED
        return SilenceState.ACTIVE if now >= self.starts_at else SilenceState.PENDING


def silenced(labels: Mapping[str, str], silences: Iterable[Silence], now: datetime) -> Silence | None:
    """The active silence that holds longest over these labels; the smaller id where two end together."""
    found = [s for s in silences if s.state(now) is SilenceState.ACTIVE and all_match(s.matchers, labels)]
    return min(found, key=lambda silence: (-silence.ends_at.timestamp(), silence.id), default=None)


def longest_end(now: datetime) -> datetime:
    """The latest end that a silence of today may have."""
    return now + timedelta(seconds=SILENCE_S_MAX)
