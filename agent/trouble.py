"""The trouble under investigation: which service is suspected, what it needs, and which times are compared."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from core.evidence import Evidence
from core.resource import UNKNOWN
from core.site import Site
from store.pool import Row

DEPENDENCIES_MAX = 12
STEPS_MAX = 240
LOOK_AFTER_MAX = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Trouble:
    """`start` .. `boundary` is the past that is taken for usual, `boundary` .. `end` the time that is judged.

    The boundary lies before the first alert, because a rule fires only after its window and its `for`.
    """

    environment: str
    service: str
    dependencies: tuple[str, ...]
    alerted: frozenset[str]
    started_at: datetime
    start: datetime
    boundary: datetime
    end: datetime
    step_s: float

    @property
    def services(self) -> tuple[str, ...]:
        """The suspect first, then what it needs, nearest first."""
        return (self.service, *self.dependencies)

    def compared_from(self, changed_at: datetime) -> "Trouble":
        """The same with an earlier boundary: before and after a change, if more than half of the past remains."""
        boundary = changed_at - timedelta(seconds=1 + self.step_s)
        earliest = self.start + (self.started_at - self.start) / 2
        return replace(self, boundary=boundary) if earliest <= boundary < self.boundary else self

    @property
    def around(self) -> timedelta:
        """How long after the first alert something still counts as being there from the start."""
        return timedelta(seconds=5 + 2 * self.step_s)


@dataclass
class Found:
    """What an investigation has gathered so far."""

    evidence: list[Evidence] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)


def clock(at: datetime) -> str:
    """`03:01:02Z`."""
    return at.astimezone(UTC).strftime("%H:%M:%SZ")


def trouble_of(site: Site, incident: Row, summary: Sequence[Row], now: datetime) -> Trouble:
    """Read it from the incident and the counts of its alerts; the service with most alerts is suspected."""
    counts: Counter[str] = Counter()
    for row in summary:
        counts[row["service"]] += row["alerts"]
    counts.pop(UNKNOWN, None)
    service = min(counts, key=lambda name: (-counts[name], name)) if counts else incident["service"]
    started_at: datetime = incident["started_at"]
    dependencies = site.topology.dependencies(service)[:DEPENDENCIES_MAX]
    start = started_at - timedelta(seconds=site.timings.before_s)
    end = min(max(now, started_at), started_at + LOOK_AFTER_MAX)
    return Trouble(
        environment=incident["environment"] if incident["environment"] != UNKNOWN else site.environment,
        service=service,
        dependencies=dependencies,
        alerted=frozenset(counts),
        started_at=started_at,
        start=start,
        boundary=started_at - timedelta(seconds=_lead_s(site, (service, *dependencies))),
        end=end,
        step_s=max(site.timings.scrape_s, (end - start).total_seconds() / STEPS_MAX),
    )


def _lead_s(site: Site, services: Sequence[str]) -> float:
    """How long before its first alert a trouble may have begun; never more than a third of the past."""
    most = site.timings.before_s / 3
    rules = [rule for rule in site.rules if rule.fires and rule.service in services]
    if not rules:
        return most
    slowest = max(rule.for_s + rule.query.window_s for rule in rules)
    return min(slowest + site.timings.evaluate_s + site.timings.scrape_s, most)
