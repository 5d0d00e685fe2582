"""The rule evaluator: puts every rule's question to the metrics and hands what fires to the intake."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog

from core.alert import Alert, AlertStatus, prometheus_fingerprint
from core.errors import NightshiftError
from core.log_rule import LogRule, reading
from core.rule import Rule, RuleStep, step
from core.series import Group, Reading
from core.site import Site
from engine.house import House
from store import alerts, log_counts
from store.pool import now
from tools.read.metrics import MetricsSource, ask
from tools.read.sources import open_metrics

log = structlog.get_logger(__name__)

SOURCE = "rules"
# A folder that was not read to its end for so long is not watched.
UNREAD_S_MAX = 60.0
AnyRule = Rule | LogRule


class Evaluator:
    """One process leads. What fired before it led, or under other rules, is read from the table, and ended if no rule
    claims it any more."""

    def __init__(self, house: House) -> None:
        self._house = house
        # Keyed by the whole rule: two rules may share a name, and a changed rule is a new one.
        self._since: dict[str, Mapping[Group, float]] = {}
        self._known: list[str] | None = None
        # An example that changed at each evaluation would make a change of the alert each time.
        self._examples: dict[str, str] = {}

    async def run(self) -> None:
        """Evaluate all rules once, then the pause that is left of the interval."""
        started = monotonic()
        site = await self._house.site()
        rules: dict[str, AnyRule] = {repr(rule): rule for rule in site.rules if rule.fires}
        rules |= {repr(rule): rule for rule in site.log_rules}
        async with self._house.store.begin() as conn:
            moment = await now(conn)
        batch = [] if self._known == [*rules] else await self._recover(rules, moment)
        metrics = open_metrics(self._house.store, site, self._house.client)
        since: dict[str, Mapping[Group, float]] = {}
        for key, rule in rules.items():
            before = self._since.get(key, {})
            done = await self._evaluate(key, rule, before, metrics, moment)
            since[key] = done.since
            batch += _alerts(site, rule, before, done, moment, self._examples.get(key, ""))
        await self._house.intake.accept(batch)
        # Only now: an end that could not be stored is noticed again at the next evaluation.
        self._since, self._known = since, [*rules]
        await self._house.rest(started, lambda timings: timings.evaluate_s)

    async def _recover(self, rules: Mapping[str, AnyRule], moment: datetime) -> list[Alert]:
        """Take over what is open; the ends of what no rule claims."""
        async with self._house.store.begin() as conn:
            left = await alerts.open_of_source(conn, SOURCE)
        for key, rule in rules.items():
            own = [row for row in left if _claims(rule, row["labels"])]
            left = [row for row in left if row not in own]
            self._since[key] = {**{_group(rule, row["labels"]): row["starts_at"].timestamp() for row in own},
                                **self._since.get(key, {})}  # fmt: skip
        return [
            Alert(SOURCE, row["identity"], row["labels"], AlertStatus.RESOLVED, row["starts_at"], moment)
            for row in left
        ]

    async def _evaluate(
        self, key: str, rule: AnyRule, before: Mapping[Group, float], metrics: MetricsSource, moment: datetime
    ) -> RuleStep:
        try:
            if isinstance(rule, LogRule):
                readings = await self._count(key, rule)
            else:
                readings = await ask(metrics, rule.query, moment)
        except NightshiftError as error:
            # Nothing was read: every group keeps its state, and the other rules go on.
            log.warning("rule.unreadable", rule=rule.name, error=error.detail)
            readings = []
        done = step(rule, before, readings, moment.timestamp())
        if not done.since:
            self._examples.pop(key, None)
        return done

    async def _count(self, key: str, rule: LogRule) -> list[Reading]:
        """The lines that were counted while they were stored; no reading while that says nothing certain."""
        async with self._house.store.begin() as conn:
            found = await log_counts.read(conn, rule)
        is_watched = found.unread_s is not None and found.unread_s < UNREAD_S_MAX
        value, reason = reading(rule, found.lines, covered_s=found.covered_s, is_watched=is_watched)
        if value is None:
            log.info("rule.unknown", rule=rule.name, reason=reason.value)
            return []
        if found.example:
            self._examples.setdefault(key, found.example)
        return [Reading({}, value)]


def _claims(rule: AnyRule, labels: Mapping[str, str]) -> bool:
    return labels.get("alertname") == rule.name and rule.service in ("", labels.get("service"))


def _group(rule: AnyRule, labels: Mapping[str, str]) -> Group:
    return () if isinstance(rule, LogRule) else tuple(sorted((name, labels.get(name, "")) for name in rule.query.by))


def _alerts(
    site: Site, rule: AnyRule, before: Mapping[Group, float], done: RuleStep, moment: datetime, example: str
) -> list[Alert]:
    firing = [_alert(site, rule, group, done.since[group], AlertStatus.FIRING, None, example) for group in done.firing]
    over = [_alert(site, rule, group, before[group], AlertStatus.RESOLVED, moment, "") for group in sorted(done.over)]
    return firing + over


def _alert(
    site: Site, rule: AnyRule, group: Group, since: float, status: AlertStatus, ends_at: datetime | None, example: str
) -> Alert:
    labels = {"environment": site.environment, **rule.alert_labels(group)}
    said = {"summary": rule.summary, "example": example}
    return Alert(
        source=SOURCE,
        identity=f"rule:{prometheus_fingerprint(labels)}",
        labels=labels,
        status=status,
        starts_at=datetime.fromtimestamp(since, UTC) + timedelta(seconds=rule.for_s),
        ends_at=ends_at,
        annotations={name: text for name, text in said.items() if text},
    )
