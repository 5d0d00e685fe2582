"""The rota: shifts that come again every week in a time zone, in turns, with overrides, and a fallback person.

The wall clock of the zone decides when shifts change hands. A time that a change of clocks leaves out is the moment of
the change; a time that comes twice is the first of the two. So each change of hands happens once and in its order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.errors import BadInput

WEEK_MIN = 7 * 1440
SHIFTS_MAX = 200
TURNS_MAX = 100
OVERRIDES_MAX = 500
OVERRIDE_S_MAX = 92 * 86_400.0
# So that no arithmetic with weeks and zones leaves the calendar.
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class RotaReason(StrEnum):
    """Why it is this person."""

    OVERRIDE = "override"
    SHIFT = "shift"
    NOBODY_PLANNED = "nobody_planned"
    PERSON_LEFT = "person_left"


@dataclass(frozen=True, slots=True)
class Shift:
    """From one wall-clock minute of the week to another (0 is Monday 00:00; the end may lie in the next week), by
    `people` in turns: the first in the week of the rota's first day, the next in the week after it, and so on."""

    starts_min: int
    ends_min: int
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in for whoever it would be, from one moment to another. Of several the one given last wins."""

    person: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Rota:
    """Who is on call when. `left`: who does not work here any more and is never the answer, but as the fallback."""

    zone: str
    first_day: date
    shifts: tuple[Shift, ...]
    fallback: str
    overrides: tuple[Override, ...] = ()
    left: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call, why, and until when that is sure (None: for as long as the rota stays as it is)."""

    person: str
    reason: RotaReason
    until: datetime | None


def check(rota: Rota) -> None:
    """Refuse a rota in which two shifts overlap, or that is beyond the limits. Raises BadInput."""
    if len(rota.shifts) > SHIFTS_MAX or any(not 1 <= len(shift.people) <= TURNS_MAX for shift in rota.shifts):
        raise BadInput(f"A rota has at most {SHIFTS_MAX} shifts, and each of them 1 to {TURNS_MAX} people in turns.")
    for shift in rota.shifts:
        if not 0 <= shift.starts_min < WEEK_MIN or not 1 <= shift.ends_min - shift.starts_min <= WEEK_MIN:
            raise BadInput("A shift begins within the week, and lasts a minute to a week.")
    planned = sorted(rota.shifts, key=lambda shift: shift.starts_min)
    for shift, following in zip(planned, [*planned[1:], *planned[:1]], strict=True):
        next_start = following.starts_min + (WEEK_MIN if following is planned[0] else 0)
        if shift.ends_min > next_start:
            said = f"The shift that begins {minute_told(shift.starts_min)} runs into the one that begins"
            raise BadInput(f"{said} {minute_told(following.starts_min)}: let it end before.")
    if len(rota.overrides) > OVERRIDES_MAX:
        raise BadInput(f"A rota has at most {OVERRIDES_MAX} overrides that are not over; end some first.")


def on_call(rota: Rota, moment: datetime) -> OnCall:
    """The one person on call: by the last override, else by the shift, else the fallback. Raises BadInput for a moment
    that is out of the calendar."""
    if not EARLIEST <= moment < LATEST:
        raise BadInput(f"A rota answers for the years {EARLIEST.year} to {LATEST.year - 1}.")
    overrides = [one for one in rota.overrides if one.person not in rota.left]
    spans = list(_spans(rota, moment))
    edges = [edge for one in overrides for edge in (one.starts_at, one.ends_at)]
    edges += [edge for begin, end, _ in spans for edge in (begin, end)]
    edges.append(first_moment(datetime.combine(rota.first_day, time()), ZoneInfo(rota.zone)))
    until = min((edge for edge in edges if edge > moment), default=None)
    for one in reversed(overrides):
        if one.starts_at <= moment < one.ends_at:
            return OnCall(one.person, RotaReason.OVERRIDE, until)
    for begin, end, person in spans:
        if begin <= moment < end:
            if person in rota.left:
                return OnCall(rota.fallback, RotaReason.PERSON_LEFT, until)
            return OnCall(person, RotaReason.SHIFT, until)
    return OnCall(rota.fallback, RotaReason.NOBODY_PLANNED, until)


def minute_of(weekday: int, clock: time) -> int:
    """The minute of the week; 0 is Monday 00:00."""
    return weekday * 1440 + clock.hour * 60 + clock.minute


def minute_told(minute: int) -> str:
    """A minute of the week for people: `mon 09:00`."""
    day, rest = divmod(minute % WEEK_MIN, 1440)
    return f"{WEEKDAYS[day]} {rest // 60:02}:{rest % 60:02}"


def first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) at which the clocks of a zone show this naive time or a later one."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    # Left out by a change of clocks: the change lies between the two readings of it, and is found by halving.
    low = int(min(early, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)).timestamp())
    high = int(early.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        shown = datetime.fromtimestamp(middle, zone).replace(tzinfo=None)
        low, high = (low, middle) if shown >= wall else (middle, high)
    return datetime.fromtimestamp(high, UTC)


def _spans(rota: Rota, moment: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    """The shifts from the week before this moment to the week after it, with whose turn each is."""
    zone = ZoneInfo(rota.zone)
    today = moment.astimezone(zone).date()
    this_week = today - timedelta(days=today.weekday())
    first_week = rota.first_day - timedelta(days=rota.first_day.weekday())
    for week in (this_week + timedelta(weeks=number) for number in (-1, 0, 1)):
        turn = (week - first_week).days // 7
        midnight = datetime.combine(week, time())
        for shift in rota.shifts:
            begin = midnight + timedelta(minutes=shift.starts_min)
            end = midnight + timedelta(minutes=shift.ends_min)
            if begin.date() >= rota.first_day:
                person = shift.people[turn % len(shift.people)]
                yield first_moment(begin, zone), first_moment(end, zone), person
