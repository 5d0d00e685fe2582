"""Flapping: an alert that comes and goes too often is told once, and once more when it has settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CHANGES_MAX = 4
WINDOW_S = 1800.0


class FlapReason(StrEnum):
    """What the changes of state add up to."""

    STEADY = "steady"
    BEGAN = "began"
    ONGOING = "ongoing"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Flapping:
    """The judgement; `changes` in the window, and when the oldest of them leaves it."""

    reason: FlapReason
    changes: int
    next_at: datetime | None = None

    @property
    def is_flapping(self) -> bool:
        """To be kept for the next judgement."""
        return self.reason in (FlapReason.BEGAN, FlapReason.ONGOING)

    @property
    def is_told(self) -> bool:
        """May a change of state be told on its own? While it flaps, only the beginning and the end are."""
        return self.reason is not FlapReason.ONGOING


def flapping(
    changes: Sequence[datetime],
    now: datetime,
    *,
    was_flapping: bool,
    changes_max: int = CHANGES_MAX,
    window_s: float = WINDOW_S,
) -> Flapping:
    """Judge by the times at which the state changed, in any order; those of the future do not count yet.

    It begins with more than `changes_max` in the window, and settles only when half of that or less is left, so that
    the judgement itself does not flap.
    """
    window = timedelta(seconds=window_s)
    inside = sorted(one for one in changes if one <= now < one + window)
    enough = changes_max // 2 if was_flapping else changes_max
    if len(inside) > enough:
        reason = FlapReason.ONGOING if was_flapping else FlapReason.BEGAN
        # The one with whose leaving it settles: after that, half of the limit is left.
        return Flapping(reason, len(inside), inside[len(inside) - 1 - changes_max // 2] + window)
    return Flapping(FlapReason.SETTLED if was_flapping else FlapReason.STEADY, len(inside))
