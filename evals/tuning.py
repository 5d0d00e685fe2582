"""How the weights in `core.weighing` were chosen: one after the other, on seeds that no report uses.

python -m evals.tuning          about ten minutes; prints every try, and the best at the end
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from statistics import mean
from typing import Any

from core.beta import Beta
from core.weighing import WEIGHING, Weighing
from evals.rates import SCENARIOS, SEEDS_TO_TUNE, Case, MeanTimesLog, Ours, PlainMean, examine, simulate

DAY_S = 86_400.0
CHOICES: Mapping[str, Sequence[Any]] = {
    "trouble_max": (3.0, 4.0, 6.0, 8.0, 12.0),
    "here_max": (4.0, 6.0, 8.0, 12.0, 20.0),
    "class_max": (2.0, 3.0, 4.0, 6.0),
    "elsewhere_max": (1.0, 2.0, 3.0, 4.0),
    "first": (Beta(0.5, 0.5), Beta(1.0, 1.0), Beta(2.0, 2.0)),
    "half_life_s": (60 * DAY_S, 90 * DAY_S, 120 * DAY_S, 180 * DAY_S),
}


def histories() -> list[list[Case]]:
    """Every scenario, with the seeds for choosing."""
    return [simulate(scenario, seed) for scenario in SCENARIOS for seed in SEEDS_TO_TUNE]


def loss(weighing: Weighing) -> float:
    """Brier score and regret beside those of the better of the two plain methods, averaged; less is better."""
    return mean(_beside(cases, weighing) for cases in histories())


def _beside(cases: Sequence[Case], weighing: Weighing) -> float:
    ours = examine(Ours(weighing), cases)
    plain, log = examine(PlainMean(), cases), examine(MeanTimesLog(), cases)
    return mean(own / min(a, b) for own, a, b in zip(ours, plain, log, strict=True))


def tries(best: Weighing) -> Iterator[Weighing]:
    """One weight after the other, the best kept; the last one is what was found."""
    with ProcessPoolExecutor(2) as pool:
        for name, values in CHOICES.items():
            wanted: list[Weighing] = [replace(best, **{name: value}) for value in values]
            losses = list(pool.map(loss, wanted))
            for value, found in zip(values, losses, strict=True):
                print(f"{name} = {value}: {found:.4f}", flush=True)
            best = wanted[losses.index(min(losses))]
            yield best


if __name__ == "__main__":
    print(list(tries(WEIGHING))[-1])
