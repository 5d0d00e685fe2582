"""Frequency: how often trouble of one signature came in the last hour, day, week and month."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
NAMES = ("1 h", "24 h", "7 days", "30 days")


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
    def words(self) -> str:
        """For people: `first in 30 days`, or how often in the shortest telling window, and in the longest."""
        counts = (self.hour, self.day, self.week, self.month)
        n, window = next(((n, name) for n, name in zip(counts, NAMES, strict=True) if n > 1), (1, ""))
        if n < 2:
            return f"first in {NAMES[-1]}"
        longest = f", {_ordinal(self.month)} in {NAMES[-1]}" if self.month > n else ""
        return f"{_ordinal(n)} time in {window}{longest}"

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


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
