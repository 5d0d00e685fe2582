"""Maintenance windows: planned once, daily or weekly in a time zone, for whatever their matchers match.

Inside one nobody is paged, escalation pauses and healing is refused. What says that trouble is over passes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.matcher import Matcher, all_match

DAY_S = 86_400.0
DURATION_S_MAX = 7 * DAY_S
# News that a window never holds back: otherwise incidents would never end for whoever was told of them.
PASSING = frozenset({"resolved", "acknowledged"})


class Repeat(StrEnum):
    """How a window comes again."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"


class WindowReason(StrEnum):
    """Why something is in maintenance."""

    PLANNED = "planned"
    RECURRING = "recurring"


@dataclass(frozen=True, slots=True)
class Window:
    """A window. Its first start also gives the wall-clock time of all others; `weekdays` (0 is Monday) are for weekly
    ones and default to that of the first start. None begins at or after `until`. The duration is real time."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    duration_s: float
    repeat: Repeat = Repeat.ONCE
    zone: str = "UTC"
    weekdays: tuple[int, ...] = ()
    until: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The window that is open over something, and when it closes."""

    window: Window
    until: datetime
    reason: WindowReason


def open_until(window: Window, now: datetime) -> datetime | None:
    """When the occurrence that is open now ends; None where none is open."""
    length = timedelta(seconds=window.duration_s)
    ends = [begin + length for begin in _begins(window, now - length, now) if begin <= now < begin + length]
    return max(ends, default=None)


def in_maintenance(labels: Mapping[str, str], windows: Iterable[Window], now: datetime) -> Maintenance | None:
    """The window that is open longest over these labels; the smaller id where two close together."""
    found = [
        (-until.timestamp(), window.id, window, until)
        for window in windows
        if (until := open_until(window, now)) is not None and all_match(window.matchers, labels)
    ]
    if not found:
        return None
    _, _, window, until = min(found, key=lambda one: one[:2])
    return Maintenance(window, until, WindowReason.PLANNED if window.repeat is Repeat.ONCE else WindowReason.RECURRING)


def _begins(window: Window, after: datetime, now: datetime) -> list[datetime]:
    """Every start on the days of the zone's calendar from `after` to `now`."""
    if window.repeat is Repeat.ONCE:
        return [window.starts_at]
    zone = ZoneInfo(window.zone)
    first = window.starts_at.astimezone(zone)
    weekdays = window.weekdays or (first.weekday(),)
    day = max(after.astimezone(zone).date(), first.date())
    found = []
    while day <= now.astimezone(zone).date():
        # The wall clock decides; an hour that a change of clocks leaves out is read as before the change.
        begin = datetime.combine(day, first.time(), tzinfo=zone).astimezone(UTC)
        wanted = window.repeat is Repeat.DAILY or day.weekday() in weekdays
        if wanted and (window.until is None or begin < window.until):
            found.append(begin)
        day += timedelta(days=1)
    return found
