"""Learned success rates: what was tried, what helped, in which context, and how sure that makes us."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.beta import UNIFORM, Beta


class Outcome(StrEnum):
    """How an execution ended for learning; written once."""

    STABLE = "stable"
    INEFFECTIVE = "ineffective"
    REGRESSED = "regressed"
    FAILED = "failed"
    RECOVERED_ALONE = "recovered_alone"
    UNKNOWN = "unknown"
    INCONCLUSIVE = "inconclusive"


HELPED = frozenset({Outcome.STABLE})
DID_NOT_HELP = frozenset({Outcome.INEFFECTIVE, Outcome.REGRESSED})
COUNTED = HELPED | DID_NOT_HELP
Z_95 = 1.959963984540054
CAUTION = 0.05
"""The share of the belief that lies below the cautious rate."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """`helped` of `tried` in this kind of trouble, and what it lets us believe here.

    Told apart from the counts: what teaches nothing about the action (`apart`), what people did by hand (`by_hand`),
    how often the trouble was back within a day (`returned`), and, as helped and tried, what was seen on this very
    service (None: no service was asked about), in similar incidents and in other trouble. `seconds` is how long it took
    on average. Without a `belief`, the bare counts speak.
    """

    helped: int = 0
    tried: int = 0
    apart: int = 0
    belief: Beta | None = None
    returned: int = 0
    by_hand: int = 0
    on_service: tuple[int, int] | None = None
    similar: tuple[int, int] = (0, 0)
    elsewhere: tuple[int, int] = (0, 0)
    seconds: float | None = None

    @property
    def believed(self) -> Beta:
        """What is believed of the true rate, here and now."""
        return self.belief or UNIFORM.plus(self.helped, self.tried - self.helped)

    @property
    def expected(self) -> float:
        """The stated rate: the mean of the belief."""
        return self.believed.mean

    @property
    def cautious(self) -> float:
        """The rate above which 95 % of the belief lies: what ranking uses."""
        return self.believed.quantile(CAUTION)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the bare counts; (0, 1) where nothing was tried."""
        return wilson(self.helped, self.tried)

    @property
    def rate(self) -> float | None:
        """The bare rate; None where nothing was tried. Never shown without its counts."""
        return self.helped / self.tried if self.tried else None

    @property
    def is_known(self) -> bool:
        """Is there any outcome behind it, here or elsewhere?"""
        return bool(self.tried or self.similar[1] or self.elsewhere[1])

    def words(self) -> str:
        """`7 of 8 (53-98 %) on this service`; never a bare percentage."""
        if not self.tried:
            return "never tried here"
        said = n_of_n(self.helped, self.tried)
        if self.on_service is None:
            return said
        helped, tried = self.on_service
        if tried in (0, self.tried):
            return f"{said} on {'this service' if tried else 'other services'}"
        return f"{said}, {n_of_n(helped, tried)} on this service"

    @property
    def counts(self) -> dict[str, object]:
        """The same as data, for whoever says it in other words."""
        return {
            "helped": self.helped, "tried": self.tried, "apart": self.apart, "returned": self.returned,
            "by_hand": self.by_hand, "on_service": list(self.on_service) if self.on_service else None,
            "similar": list(self.similar), "elsewhere": list(self.elsewhere),
        }  # fmt: skip

    def notes(self) -> tuple[str, ...]:
        """What is told apart from the counts, one line each."""
        said = (
            (self.returned, f"the trouble was back within 24 h after {self.returned} of {self.helped}"),
            (self.by_hand, f"people did it by hand: {self.by_hand}"),
            (self.similar[1], f"in similar incidents: {n_of_n(*self.similar)}"),
            (self.elsewhere[1], f"in other trouble: {n_of_n(*self.elsewhere)}"),
            (self.apart, f"teach nothing (no effect, unknown, recovered alone): {self.apart}"),
        )
        return tuple(text for count, text in said if count)


def track_record(outcomes: Iterable[Outcome]) -> TrackRecord:
    """Count outcomes: only `stable` helped, `unknown` and its like count in neither."""
    helped = tried = apart = 0
    for outcome in outcomes:
        helped += outcome in HELPED
        tried += outcome in COUNTED
        apart += outcome not in COUNTED
    return TrackRecord(helped, tried, apart)


def n_of_n(helped: int, tried: int) -> str:
    """`7 of 8 (53-98 %)`."""
    low, high = wilson(helped, tried)
    return f"{helped} of {tried} ({low * 100:.0f}-{high * 100:.0f} %)"


def wilson(helped: int, tried: int) -> tuple[float, float]:
    """The 95 % interval of a true rate by counts (Wilson, 1927); (0, 1) where nothing was tried."""
    if not tried:
        return 0.0, 1.0
    rate, z2 = helped / tried, Z_95**2
    middle = (rate + z2 / (2 * tried)) / (1 + z2 / tried)
    half = Z_95 * math.sqrt(rate * (1 - rate) / tried + z2 / (4 * tried * tried)) / (1 + z2 / tried)
    return max(0.0, middle - half), min(1.0, middle + half)
