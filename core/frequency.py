"""Frequency: how often trouble of one signature came in the last hour, day, week and month."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))


class Habit(StrEnum):
    """The shortest window in which it came more than once."""

    HOURLY = "again_within_1h"
    DAILY = "again_within_24h"
    WEEKLY = "again_within_7d"
    MONTHLY = "again_within_30d"
    RARE = "first_in_30d"


@dataclass(frozen=True, slots=True)
class Frequency:
    """Occurrences up to and including now; a window reaches back to, but not over, its length."""

    hour: int
    day: int
    week: int
    month: int

    @property
    def habit(self) -> Habit:
        """What it adds up to."""
        counts = (self.hour, self.day, self.week, self.month)
        return next((habit for habit, n in zip(Habit, counts, strict=False) if n > 1), Habit.RARE)


def frequency(times: Iterable[datetime], now: datetime) -> Frequency:
    """Count occurrences, given in any order; those of the future are no occurrences."""
    known = sorted(times)
    end = bisect_right(known, now)
    return Frequency(*(max(end - bisect_right(known, now - window), 0) for window in WINDOWS))
