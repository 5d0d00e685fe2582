"""The rule evaluator: puts every rule's question to the metrics and hands what fires to the intake."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog

from core.alert import Alert, AlertStatus, prometheus_fingerprint
from core.errors import Unavailable
from core.rule import Rule, RuleStep, step
from core.series import Group
from core.site import Site
from engine.house import House
from store import alerts
from store.pool import now
from tools.read.metrics import MetricsSource, ask
from tools.read.sources import open_metrics

log = structlog.get_logger(__name__)

SOURCE = "rules"


class Evaluator:
    """One process leads. What fired before it led is read from the table, so that its end is noticed too."""

    def __init__(self, house: House) -> None:
        self._house = house
        # Keyed by the whole rule: two rules may share a name, and a changed rule begins anew.
        self._since: dict[str, Mapping[Group, float]] = {}
        self._known = False

    async def run(self) -> None:
        """Evaluate all rules once, then the pause that is left of the interval."""
        started = monotonic()
        site = await self._house.site()
        rules = [rule for rule in site.rules if rule.fires]
        if rules:
            await self._recover(rules)
            metrics = open_metrics(self._house.store, site, self._house.client)
            async with self._house.store.begin() as conn:
                moment = await now(conn)
            batch = [alert for rule in rules for alert in await self._evaluate(site, rule, metrics, moment)]
            await self._house.intake.accept(batch)
        await self._house.rest(started, lambda timings: timings.evaluate_s)

    async def _recover(self, rules: list[Rule]) -> None:
        if self._known:
            return
        async with self._house.store.begin() as conn:
            rows = await alerts.open_of_source(conn, SOURCE)
        for rule in rules:
            groups = {
                tuple(sorted((name, row["labels"].get(name, "")) for name in rule.query.by)): row[
                    "starts_at"
                ].timestamp()
                for row in rows
                if row["labels"].get("alertname") == rule.name and rule.service in ("", row["labels"].get("service"))
            }
            self._since[repr(rule)] = groups
        self._known = True

    async def _evaluate(self, site: Site, rule: Rule, metrics: MetricsSource, moment: datetime) -> list[Alert]:
        try:
            readings = await ask(metrics, rule.query, moment)
        except Unavailable as error:
            log.warning("rule.unreadable", rule=rule.name, error=error.detail)
            return []
        before = self._since.get(repr(rule), {})
        done = step(rule, before, readings, moment.timestamp())
        self._since[repr(rule)] = done.since
        return _alerts(site, rule, before, done, moment)


def _alerts(site: Site, rule: Rule, before: Mapping[Group, float], done: RuleStep, moment: datetime) -> list[Alert]:
    firing = [_alert(site, rule, group, done.since[group], AlertStatus.FIRING, None) for group in done.firing]
    over = [_alert(site, rule, group, before[group], AlertStatus.RESOLVED, moment) for group in sorted(done.over)]
    return firing + over


def _alert(site: Site, rule: Rule, group: Group, since: float, status: AlertStatus, ends_at: datetime | None) -> Alert:
    labels = {"environment": site.environment, **rule.alert_labels(group)}
    return Alert(
        source=SOURCE,
        identity=f"rule:{prometheus_fingerprint(labels)}",
        labels=labels,
        status=status,
        starts_at=datetime.fromtimestamp(since, UTC) + timedelta(seconds=rule.for_s),
        ends_at=ends_at,
        annotations={"summary": rule.summary} if rule.summary else {},
    )
