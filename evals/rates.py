"""Are the stated success rates true, and do they recommend well? Simulated histories with drifting true rates.

Each history has 2,000 incidents over two years: kinds of trouble, places and services of very different frequency, four
fitting actions each, and rates that wander, jump and differ between contexts. People choose what is tried, so that
every method learns from the same outcomes. At each incident, before its outcome is known, each method states the rate
of what is tried (Brier score) and recommends an action (regret: how much rarer its choice helps than the best one).
"""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any, Protocol

from core.rates import CAUTION, COUNTED, HELPED, Outcome
from core.weighing import WEIGHING, Nearness, Seen, Weighing, believe

INCIDENTS = 2_000
DAYS = 730
CLASSES, TROUBLES, ACTIONS, FITTING = 3, 10, 7, 4
ENVIRONMENTS = (0.6, 0.3, 0.1)
SERVICES = 5
# The weights in `core.weighing` were chosen on the first seeds; what is printed comes from the second ones only.
SEEDS_TO_TUNE = range(1, 9)
SEEDS_TO_REPORT = range(101, 117)
TEACHES_NOTHING = 0.15
SAMPLES_MIN = 5
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """How much rates differ, in logits: by action, class, trouble, environment, service; and how they move in time."""

    name: str
    by_action: float
    by_class: float
    by_trouble: float
    by_place: float
    by_service: float
    drift_a_year: float
    jumps_a_year: float


SCENARIOS = (
    Scenario("drifting", 0.8, 0.6, 0.9, 0.5, 0.5, 1.0, 0.5),
    Scenario("standing still", 0.8, 0.6, 0.9, 0.5, 0.5, 0.0, 0.0),
    Scenario("unrelated contexts", 0.0, 0.0, 1.4, 1.0, 0.8, 1.0, 0.5),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One incident: what kind, where, when (days), which actions fit with their true rates, and what came of one."""

    kind: int
    trouble: int
    place: int
    service: int
    day: float
    rates: Mapping[int, float]
    versions: Mapping[int, int]
    tried: int
    outcome: Outcome


def simulate(scenario: Scenario, seed: int, incidents: int = INCIDENTS) -> list[Case]:
    """A history, the same for the same seed; fewer incidents are the same two years, thinner."""
    dice = random.Random(f"{scenario.name} {seed}")
    fitting = [sorted(dice.sample(range(ACTIONS), FITTING)) for _ in range(TROUBLES)]
    kinds = [dice.randrange(CLASSES) for _ in range(TROUBLES)]
    base = [dice.gauss(0.2, scenario.by_action) for _ in range(ACTIONS)]
    of_class = {(c, a): dice.gauss(0, scenario.by_class) for c in range(CLASSES) for a in range(ACTIONS)}
    of_place: dict[tuple[int, ...], float] = defaultdict(lambda: dice.gauss(0, scenario.by_place))
    of_service: dict[tuple[int, ...], float] = defaultdict(lambda: dice.gauss(0, scenario.by_service))

    def drawn(trouble: int, action: int) -> float:
        return base[action] + of_class[kinds[trouble], action] + dice.gauss(0, scenario.by_trouble)

    logits = {(t, a): drawn(t, a) for t in range(TROUBLES) for a in fitting[t]}
    versions = dict.fromkeys(range(ACTIONS), 1)
    step = DAYS / incidents
    cases = []
    for number in range(incidents):
        for key in logits:
            logits[key] += dice.gauss(0, scenario.drift_a_year * math.sqrt(step / 365))
            if dice.random() < scenario.jumps_a_year * step / 365:
                logits[key] = drawn(*key)
        for action in versions:
            versions[action] += dice.random() < step / 250
        trouble = dice.choices(range(TROUBLES), [1 / (n + 1) for n in range(TROUBLES)])[0]
        place = dice.choices(range(len(ENVIRONMENTS)), ENVIRONMENTS)[0]
        service = dice.choices(range(SERVICES), [1 / (n + 1) for n in range(SERVICES)])[0]
        rates = {
            a: _rate(logits[trouble, a] + of_place[trouble, a, place] + of_service[trouble, a, service])
            for a in fitting[trouble]
        }
        # People know a little: what helps more often is tried more often.
        tried = dice.choices(list(rates), [math.exp(2 * rate) for rate in rates.values()])[0]
        outcome = Outcome.STABLE if dice.random() < rates[tried] else Outcome.INEFFECTIVE
        if dice.random() < TEACHES_NOTHING:
            outcome = Outcome.UNKNOWN
        cases.append(
            Case(kinds[trouble], trouble, place, service, number * step, rates, dict(versions), tried, outcome)
        )
    return cases


def _rate(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


class Method(Protocol):
    """Learns outcomes one after another; before each, states the rate and the rank of every fitting action."""

    def state(self, case: Case) -> Mapping[int, tuple[float, float]]:
        """By action: the stated rate, and what ranks it (more is better)."""
        ...

    def learn(self, case: Case) -> None:
        """What came of the case."""
        ...


class Ours:
    """The expected rate is stated, the cautious one ranks: `core.weighing`, over sums that are kept as time goes on."""

    def __init__(self, weighing: Weighing = WEIGHING) -> None:
        self.weighing = weighing
        self.sums: dict[tuple[int, ...], list[float]] = {}

    def state(self, case: Case) -> dict[int, tuple[float, float]]:
        """The mean of the belief, and its cautious bound."""
        beliefs = {action: believe(self.evidence(case, action), self.weighing) for action in case.rates}
        return {action: (belief.mean, belief.quantile(CAUTION)) for action, belief in beliefs.items()}

    def evidence(self, case: Case, action: int) -> dict[Nearness, tuple[float, float]]:
        """The weights by nearness: what an outer context saw, without what the next inner one saw of it."""
        seen = [self._at(key, case.day) for key in _contexts(case, action)]
        inner = [*seen[1:], (0.0, 0.0)]
        return {
            near: (max(0.0, all_[0] - own[0]), max(0.0, all_[1] - own[1]))
            for near, all_, own in zip(NEARNESSES, seen, inner, strict=True)
        }

    def learn(self, case: Case) -> None:
        """Add to every context."""
        if case.outcome in COUNTED:
            for key in _contexts(case, case.tried):
                helped, failed = self._at(key, case.day)
                did = case.outcome in HELPED
                self.sums[key] = [helped + did, failed + (not did), case.day]

    def _at(self, key: tuple[int, ...], day: float) -> tuple[float, float]:
        helped, failed, then = self.sums.get(key, (0.0, 0.0, day))
        left = self.weighing.of(Seen(Outcome.STABLE, Nearness.HERE, then * DAY_S), day * DAY_S)
        return helped * left, failed * left


NEARNESSES = (
    Nearness.ELSEWHERE, Nearness.SAME_CLASS, Nearness.SAME_TROUBLE, Nearness.HERE, Nearness.ON_SERVICE,
)  # fmt: skip


def _contexts(case: Case, action: int) -> tuple[tuple[int, ...], ...]:
    """The keys of the contexts of an action, the outer one first, as in NEARNESSES."""
    here = (action, case.kind, case.trouble, case.place, case.versions[action])
    return (action,), (action, case.kind), (action, case.kind, case.trouble), here, (*here, case.service)


class Counting:
    """What a plain program keeps: helped and tried, by trouble and action."""

    def __init__(self) -> None:
        self.counts: dict[tuple[int, int], tuple[int, int]] = {}

    def learn(self, case: Case) -> None:
        """Count."""
        if case.outcome in COUNTED:
            helped, tried = self.counts.get((case.trouble, case.tried), (0, 0))
            self.counts[case.trouble, case.tried] = helped + (case.outcome in HELPED), tried + 1

    def of(self, case: Case) -> dict[int, tuple[int, int]]:
        """The counts of the fitting actions."""
        return {action: self.counts.get((case.trouble, action), (0, 0)) for action in case.rates}


class PlainMean(Counting):
    """Helped of tried; a half where nothing was tried."""

    def state(self, case: Case) -> dict[int, tuple[float, float]]:
        """The mean is stated and ranks."""
        return {a: (rate := helped / tried if tried else 0.5, rate) for a, (helped, tried) in self.of(case).items()}


class MeanTimesLog(Counting):
    """The mean times ln(n + 1), from five tries on."""

    def state(self, case: Case) -> dict[int, tuple[float, float]]:
        """The mean is stated, its product ranks."""
        known = {a: (h / n, n) if n >= SAMPLES_MIN else (0.5, 0) for a, (h, n) in self.of(case).items()}
        return {a: (rate, rate * math.log(tried + 1)) for a, (rate, tried) in known.items()}


class Oracle(Counting):
    """Knows the true rates."""

    def state(self, case: Case) -> dict[int, tuple[float, float]]:
        """The truth."""
        return {action: (rate, rate) for action, rate in case.rates.items()}


METHODS: Mapping[str, Callable[[], Method]] = {
    "ours": Ours,
    "(a) plain mean": PlainMean,
    "(b) mean x ln(n+1), n >= 5": MeanTimesLog,
    "(c) oracle": Oracle,
}


def examine(method: Method, cases: Sequence[Case]) -> tuple[float, float]:
    """Brier score and mean regret of a method on one history. The lower action number does less: it breaks ties."""
    errors, regrets = [], []
    for case in cases:
        stated = method.state(case)
        best = max(stated, key=lambda action: (stated[action][1], -action))
        regrets.append(max(case.rates.values()) - case.rates[best])
        if case.outcome in COUNTED:
            errors.append((stated[case.tried][0] - (case.outcome in HELPED)) ** 2)
        method.learn(case)
    return mean(errors), mean(regrets)


def rates() -> Iterator[dict[str, Any]]:
    """Each method on each scenario: the mean over the seeds, and in how many of them ours is at least as good."""
    for scenario in SCENARIOS:
        histories = [simulate(scenario, seed) for seed in SEEDS_TO_REPORT]
        scores = {name: [examine(method(), cases) for cases in histories] for name, method in METHODS.items()}
        for name, score in scores.items():
            row: dict[str, Any] = {"history": scenario.name, "method": name}
            for n, figure in enumerate(("Brier", "regret")):
                values, ours = [pair[n] for pair in score], [pair[n] for pair in scores["ours"]]
                not_worse = sum(own <= other for own, other in zip(ours, values, strict=True))
                row |= {figure: round(mean(values), 4), f"{figure} sd": round(stdev(values), 4)}
                row[f"ours / it, {figure}"] = round(mean(ours) / mean(values), 2) if mean(values) else None
                row[f"{figure}: ours not worse"] = f"{not_worse} of {len(values)} seeds"
            yield row
