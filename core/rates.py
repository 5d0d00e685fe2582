"""Learned success rates: what was tried, what helped, and how sure that makes us."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """`helped` of `tried`; outcomes that teach nothing are counted apart."""

    helped: int = 0
    tried: int = 0
    apart: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the true rate (Wilson, 1927); (0, 1) where nothing was tried."""
        if not self.tried:
            return 0.0, 1.0
        n, rate, z2 = self.tried, self.helped / self.tried, Z_95**2
        middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def cautious(self) -> float:
        """The lower end of the interval: what ranking uses."""
        return self.interval[0]

    def words(self) -> str:
        """`7 of 8 (53-98 %)`; never a bare percentage."""
        if not self.tried:
            return "never tried here"
        low, high = self.interval
        return f"{self.helped} of {self.tried} ({low * 100:.0f}-{high * 100:.0f} %)"


def track_record(outcomes: Iterable[Outcome]) -> TrackRecord:
    """Count outcomes: only `stable` helped, `unknown` and its like count in neither."""
    helped = tried = apart = 0
    for outcome in outcomes:
        helped += outcome in HELPED
        tried += outcome in HELPED or outcome in DID_NOT_HELP
        apart += outcome not in HELPED and outcome not in DID_NOT_HELP
    return TrackRecord(helped, tried, apart)
