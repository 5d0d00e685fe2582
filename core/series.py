"""Metric series and the few questions asked of them; the same question is put to every source."""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median

Point = tuple[float, float]
"""Unix seconds and value."""


class QueryKind(StrEnum):
    """What is computed from the raw series."""

    VALUE = "value"
    RATE = "rate"
    RATIO = "ratio"


class Aggregate(StrEnum):
    """How the series of one group become one number (rates and ratios always sum)."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"
    AVG = "avg"


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """A question: `kind` of `metric`, over `window_s` seconds, grouped `by` labels; a ratio divides by `divide_by`."""

    kind: QueryKind
    metric: str
    matchers: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    divide_by: str = ""
    window_s: float = 60.0
    aggregate: Aggregate = Aggregate.SUM

    @property
    def metrics(self) -> tuple[str, ...]:
        """The raw metrics that the question reads."""
        return (self.metric, self.divide_by) if self.divide_by else (self.metric,)


@dataclass(frozen=True, slots=True)
class Series:
    """One raw series: its metric, labels and points in order of time."""

    metric: str
    labels: Mapping[str, str]
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer at one time; a group without data has no reading, which is never the same as zero."""

    labels: Mapping[str, str]
    value: float


Group = tuple[tuple[str, str], ...]


def read_at(query: MetricQuery, series: Iterable[Series], at: float) -> list[Reading]:
    """Answer the question for the window that ends at `at` (unix seconds), sorted by labels."""
    values: dict[str, dict[Group, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in series:
        value = (
            _last(one, query, at) if query.kind is QueryKind.VALUE else increase_per_s(one.points, at, query.window_s)
        )
        if value is not None:
            group = tuple((name, one.labels.get(name, "")) for name in sorted(query.by))
            values[one.metric][group].append(value)
    readings = []
    for group, numbers in sorted(values[query.metric].items()):
        number = _combine(query, group, numbers, values)
        if number is not None:
            readings.append(Reading(dict(group), number))
    return readings


def read_range(
    query: MetricQuery, series: Sequence[Series], start: float, end: float, step_s: float
) -> dict[Group, list[Point]]:
    """Answer the question at each step of a range; missing answers are left out."""
    answers: dict[Group, list[Point]] = defaultdict(list)
    for number in range(int((end - start) / step_s) + 1):
        at = start + number * step_s
        for reading in read_at(query, series, at):
            answers[tuple(sorted(reading.labels.items()))].append((at, reading.value))
    return dict(answers)


def increase_per_s(points: Sequence[Point], at: float, window_s: float) -> float | None:
    """Rate of a counter between the first and last point inside the window; a fall is a reset and starts from zero.

    None where fewer than two points lie inside: one point says nothing about change.
    """
    inside = _window(points, at, window_s)
    if len(inside) < 2 or inside[-1][0] <= inside[0][0]:
        return None
    total = 0.0
    for (_, before), (_, after) in pairwise(inside):
        total += after - before if after >= before else after
    return total / (inside[-1][0] - inside[0][0])


def _last(one: Series, query: MetricQuery, at: float) -> float | None:
    inside = _window(one.points, at, query.window_s)
    return inside[-1][1] if inside else None


def _window(points: Sequence[Point], at: float, window_s: float) -> Sequence[Point]:
    return points[bisect_left(points, (at - window_s, -math.inf)) : bisect_right(points, (at, math.inf))]


def _combine(
    query: MetricQuery, group: Group, numbers: list[float], values: Mapping[str, Mapping[Group, list[float]]]
) -> float | None:
    if query.kind is QueryKind.RATIO:
        below = values.get(query.divide_by, {}).get(group)
        return sum(numbers) / sum(below) if below and sum(below) > 0 else None
    if query.kind is QueryKind.RATE or query.aggregate is Aggregate.SUM:
        return sum(numbers)
    if query.aggregate is Aggregate.AVG:
        return sum(numbers) / len(numbers)
    return max(numbers) if query.aggregate is Aggregate.MAX else min(numbers)


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a series left its own past: robust score, when it first did, the usual and the extreme value."""

    score: float
    first_at: float
    usual: float
    extreme: float


def robust_shift(points: Sequence[Point], boundary: float, *, threshold: float = 6.0) -> Shift | None:
    """Compare the points after `boundary` with the median and MAD of those before (Iglewicz and Hoaglin, 1993).

    The spread has a floor of 5 % of the usual value, so that a flat past does not make noise look huge.
    None where the past has fewer than three points, nothing came after, or nothing left the past.
    """
    before = [value for when, value in points if when < boundary and math.isfinite(value)]
    after = [(when, value) for when, value in points if when >= boundary and math.isfinite(value)]
    if len(before) < 3 or not after:
        return None
    usual = median(before)
    spread = max(1.4826 * median(abs(v - usual) for v in before), 0.05 * abs(usual), 1e-3)
    scored = [(abs(value - usual) / spread, when, value) for when, value in after]
    beyond = [row for row in scored if row[0] >= threshold]
    if not beyond:
        return None
    score, _, extreme = max(beyond)
    return Shift(score, min(when for _, when, _ in beyond), usual, extreme)
