"""Bursts: more than so many things within so many seconds are told as one, and each is kept.

Alerts of one resource become an aggregate; incidents become a storm.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.resource import UNKNOWN


class BurstReason(StrEnum):
    """What became of one arrival."""

    SINGLE = "single"
    BEGUN = "begun"
    JOINED = "joined"
    NO_RESOURCE = "no_resource"


@dataclass(frozen=True, slots=True)
class BurstLimits:
    """More than `count_max` within `window_s` begin a burst; a pause of more than `window_s` ends it."""

    count_max: int
    window_s: float


AGGREGATION = BurstLimits(count_max=20, window_s=60.0)
STORM = BurstLimits(count_max=10, window_s=120.0)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that came, by its id, at the time when we received it."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Burst:
    """A parent and how many children it has; `last_at` is when the newest of them came."""

    id: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Recent:
    """What one key (a resource, or the whole site) needs to remember: its burst, and the singles of the last window."""

    singles: tuple[Arrival, ...] = ()
    burst: Burst | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an arrival: the parent (empty for a single) and every child that points to it from now on."""

    reason: BurstReason
    parent: str = ""
    children: tuple[str, ...] = ()


def as_one(count: int, resource_id: str, span: timedelta) -> str:
    """An aggregate in words, for people."""
    return f"{count} alerts of {resource_id} in {max(span.total_seconds(), 0.0):.0f} s as one"


def news_of(count: int, limits: BurstLimits) -> int:
    """How often a burst of this size was worth telling: when it began, and at each doubling of the limit after that."""
    return max(count // max(limits.count_max, 1), 1).bit_length()


def arrive(recent: Recent, arrival: Arrival, parent_id: str, limits: BurstLimits) -> tuple[Recent, Placed]:
    """Place one arrival; `parent_id` is the id that a burst gets which begins with it.

    Arrivals come in the order of their receipt; one that is late by our own clock counts as of the newest before it.
    """
    window = timedelta(seconds=limits.window_s)
    known = [one.at for one in recent.singles] + ([recent.burst.last_at] if recent.burst else [])
    arrival = replace(arrival, at=max([arrival.at, *known]))
    burst = recent.burst
    if burst and arrival.at - burst.last_at <= window:
        grown = Burst(burst.id, burst.count + 1, arrival.at)
        return Recent((), grown), Placed(BurstReason.JOINED, burst.id, (arrival.id,))
    singles = (*(one for one in recent.singles if arrival.at - one.at <= window), arrival)
    if len(singles) <= limits.count_max:
        return Recent(singles), Placed(BurstReason.SINGLE)
    begun = Burst(parent_id, len(singles), arrival.at)
    return Recent((), begun), Placed(BurstReason.BEGUN, parent_id, tuple(one.id for one in singles))


def aggregate(
    recent: Recent, arrival: Arrival, resource_id: str, parent_id: str, limits: BurstLimits = AGGREGATION
) -> tuple[Recent, Placed]:
    """Place an alert among those of its resource. Alerts whose resource nobody knows have nothing in common."""
    if resource_id == UNKNOWN:
        return recent, Placed(BurstReason.NO_RESOURCE)
    return arrive(recent, arrival, parent_id, limits)
