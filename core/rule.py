"""An alert rule of our own: a metric question, a comparison, and how long it must hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.series import Group, MetricQuery, Reading


class Comparison(StrEnum):
    """How a reading is compared with the threshold."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="


def compares(comparison: Comparison, value: float, threshold: float) -> bool:
    """Is the comparison true of this value?"""
    match comparison:
        case Comparison.ABOVE:
            return value > threshold
        case Comparison.AT_LEAST:
            return value >= threshold
        case Comparison.BELOW:
            return value < threshold
        case Comparison.AT_MOST:  # pragma: no branch (there is no fifth)
            return value <= threshold


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` fires for each group whose reading compares true for `for_s` seconds.

    A rule that does not fire (`fires: false`) only judges whether a service is well again after an action.
    """

    name: str
    query: MetricQuery
    comparison: Comparison
    threshold: float
    for_s: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    fires: bool = True

    @property
    def service(self) -> str:
        """The service it watches, from its labels or its question."""
        return self.labels.get("service") or self.query.matchers.get("service", "")

    def holds(self, value: float) -> bool:
        """Is the comparison true of this value?"""
        return compares(self.comparison, value, self.threshold)

    def alert_labels(self, group: Group) -> dict[str, str]:
        """The labels of the alert for one group: the group's own, then the rule's, then the name."""
        return {**dict(group), **self.labels, "alertname": self.name}


@dataclass(frozen=True, slots=True)
class RuleStep:
    """One evaluation: since when each group's comparison holds, what fires, and what was true and is no more."""

    since: Mapping[Group, float]
    firing: Mapping[Group, float]
    over: frozenset[Group]


class Judging(Protocol):
    """What a step needs of a rule, whatever it reads."""

    @property
    def for_s(self) -> float:
        """How long it must hold."""
        ...

    def holds(self, value: float) -> bool:
        """Is the comparison true of this value?"""
        ...


def step(rule: Judging, since: Mapping[Group, float], readings: Sequence[Reading], now: float) -> RuleStep:
    """Evaluate a rule once. A group without a reading keeps its state: no data is unknown, never healthy."""
    read = {tuple(sorted(reading.labels.items())): reading.value for reading in readings}
    held = {group: since.get(group, now) for group, value in read.items() if rule.holds(value)}
    unknown = {group: start for group, start in since.items() if group not in read}
    kept = {**held, **unknown}
    firing = {g: read.get(g, float("nan")) for g, start in kept.items() if now - start >= rule.for_s}
    return RuleStep(kept, firing, frozenset(g for g in since if g in read and g not in held))
