"""How old outcomes weigh in a rate of today: by their age, and by how near their context is to the question."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.beta import Beta
from core.rates import COUNTED, HELPED, Outcome, TrackRecord


class Nearness(StrEnum):
    """How near an old outcome is to the question; an outer context lends the next inner one a bounded weight."""

    ELSEWHERE = "elsewhere"
    SAME_CLASS = "same_class"
    SIMILAR = "similar"
    SAME_TROUBLE = "same_trouble"
    HERE = "here"
    ON_SERVICE = "on_service"


FIRST = Beta(2.0, 2.0)
OWN = frozenset({Nearness.SAME_TROUBLE, Nearness.HERE, Nearness.ON_SERVICE})
"""Of this kind of trouble: what is counted as n of N."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One old outcome of an action: how near, when (unix seconds), and for a similar incident how much alike (0..1)."""

    outcome: Outcome
    nearness: Nearness
    at: float
    likeness: float = 1.0


@dataclass(frozen=True, slots=True)
class Weighing:
    """How much old outcomes weigh; weights are in outcomes of today.

    `first` is believed of an action that nobody tried. Each `..._max` is the most that everything up to this context
    counts in the next inner one: the action in any trouble, in trouble of this class, in this trouble, and in this
    trouble with this version of the playbook and in this environment. Similar incidents stand beside the class.
    The figures were chosen by `python -m evals.tuning`, on other histories than those that `make bench` reports.
    """

    half_life_s: float = 90 * 86_400.0
    first: Beta = FIRST
    elsewhere_max: float = 4.0
    class_max: float = 2.0
    trouble_max: float = 12.0
    here_max: float = 8.0
    likeness: float = 0.5
    similar_max: float = 3.0

    def of(self, seen: Seen, now: float) -> float:
        """The weight of one outcome: halved with each half-life; what a wrong clock puts in the future is of now."""
        age = max(0.0, now - seen.at)
        alike = self.likeness * min(1.0, max(0.0, seen.likeness)) if seen.nearness is Nearness.SIMILAR else 1.0
        return float(0.5 ** (age / max(1.0, self.half_life_s))) * alike


WEIGHING = Weighing()
Evidence = Mapping[Nearness, tuple[float, float]]
"""The weights of what helped and what did not, by nearness."""


def weigh(history: Iterable[Seen], now: float, weighing: Weighing = WEIGHING) -> TrackRecord:
    """What the history of one action says of it here and now: counts, and the belief that follows."""
    weights: dict[tuple[Nearness, bool], list[float]] = {}
    apart = 0
    for seen in history:
        if seen.outcome in COUNTED:
            weights.setdefault((seen.nearness, seen.outcome in HELPED), []).append(weighing.of(seen, now))
        else:
            apart += seen.nearness in OWN
    # Sums that do not depend on the order in which the outcomes were read.
    evidence = {near: _pair({key: math.fsum(found) for key, found in weights.items()}, near) for near in Nearness}
    counts = {near: _pair({key: float(len(found)) for key, found in weights.items()}, near) for near in Nearness}
    helped, tried = _counted(counts, OWN)
    return TrackRecord(
        helped,
        tried,
        apart,
        believe(evidence, weighing),
        on_service=_counted(counts, {Nearness.ON_SERVICE}),
        similar=_counted(counts, {Nearness.SIMILAR}),
        elsewhere=_counted(counts, {Nearness.ELSEWHERE, Nearness.SAME_CLASS}),
    )


def believe(evidence: Evidence, weighing: Weighing = WEIGHING) -> Beta:
    """The belief of a rate in the innermost context: each context's belief is the prior of the next inner one."""
    nothing = (0.0, 0.0)
    belief = weighing.first.plus(*evidence.get(Nearness.ELSEWHERE, nothing)).bounded(weighing.elsewhere_max)
    belief = belief.plus(*evidence.get(Nearness.SAME_CLASS, nothing)).bounded(weighing.class_max)
    similar = evidence.get(Nearness.SIMILAR, nothing)
    share = min(1.0, weighing.similar_max / sum(similar)) if sum(similar) else 0.0
    belief = belief.plus(similar[0] * share, similar[1] * share)
    belief = belief.plus(*evidence.get(Nearness.SAME_TROUBLE, nothing)).bounded(weighing.trouble_max)
    belief = belief.plus(*evidence.get(Nearness.HERE, nothing)).bounded(weighing.here_max)
    return belief.plus(*evidence.get(Nearness.ON_SERVICE, nothing))


def _pair(values: Mapping[tuple[Nearness, bool], float], near: Nearness) -> tuple[float, float]:
    return values.get((near, True), 0.0), values.get((near, False), 0.0)


def _counted(counts: Evidence, nearnesses: Iterable[Nearness]) -> tuple[int, int]:
    pairs = [counts[near] for near in nearnesses]
    helped = sum(pair[0] for pair in pairs)
    return int(helped), int(helped + sum(pair[1] for pair in pairs))
