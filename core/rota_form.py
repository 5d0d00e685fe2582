"""The written form of a rota: zone, first day, and shifts such as `mon 09:00` to `fri 17:00` with people in turns."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import BadInput
from core.rota import EARLIEST, LATEST, WEEK_MIN, WEEKDAYS, Override, Rota, Shift, check, minute_of

_MINUTE = re.compile(rf"({'|'.join(WEEKDAYS)}) ([01]\d|2[0-3]):([0-5]\d)")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")


def read_rota(
    body: Mapping[str, Any],
    *,
    fallback: str,
    overrides: Sequence[Mapping[str, Any]] = (),
    left: frozenset[str] = frozenset(),
) -> Rota:
    """A rota from its body: `zone`, `first_day`, `shifts` of `from`, `to`, `people`. Raises BadInput.

    `overrides`: `person`, `starts_at`, `ends_at` (moments, or ISO texts with their offset), the last given one last.
    """
    shifts = tuple(_shift(shift) for shift in body["shifts"])
    rota = Rota(
        read_zone(body["zone"]),
        read_day(body["first_day"]),
        shifts,
        fallback,
        tuple(Override(one["person"], _moment(one["starts_at"]), _moment(one["ends_at"])) for one in overrides),
        left,
    )
    check(rota)
    return rota


def read_zone(name: str) -> str:
    """The name of a time zone that this machine knows. Raises BadInput."""
    try:
        if _ZONE.fullmatch(name):
            ZoneInfo(name)
            return name
    except (KeyError, ValueError, OSError):
        pass
    raise BadInput(f"{name[:64]!r} is no time zone: write one such as Europe/Berlin, or UTC.")


def read_day(text: str) -> date:
    """A day of the calendar. Raises BadInput."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not EARLIEST.date() <= day < LATEST.date():
        raise BadInput(f"{text[:32]!r} is no first day: write a date such as 2026-03-02.")
    return day


def read_minute(text: str) -> int:
    """A minute of the week such as `mon 09:00`. Raises BadInput."""
    found = _MINUTE.fullmatch(text.strip().lower())
    if found is None:
        raise BadInput(f"{text[:32]!r} is no time of the week: write a day and a time such as mon 09:00.")
    return minute_of(WEEKDAYS.index(found[1]), time(int(found[2]), int(found[3])))


def _shift(shift: Mapping[str, Any]) -> Shift:
    begin, end = read_minute(shift["from"]), read_minute(shift["to"])
    # From one time to the same time is the whole week.
    return Shift(begin, begin + ((end - begin) % WEEK_MIN or WEEK_MIN), tuple(shift["people"]))


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
