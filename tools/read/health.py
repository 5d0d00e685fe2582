"""Is a service well right now? Every rule about it is asked; no answer is never a good answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.errors import Unavailable
from core.rule import Rule
from core.series import Reading
from core.site import Site
from core.verdict import CheckState, worst
from tools.read.metrics import MetricsSource, ask, ask_range

STEPS_MAX = 30


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    """What the rules said: `traffic` in requests per second, None where it is not measured.

    `window_s` is the longest window of a rule, `interval_s` the time between two checks.
    """

    state: CheckState
    traffic: float | None
    detail: str
    window_s: float
    interval_s: float


async def check_service(metrics: MetricsSource, site: Site, service: str, at: datetime) -> ServiceCheck:
    """Evaluate every rule of a service once; never raises for a source that does not answer."""
    rules = [rule for rule in site.rules if rule.service == service]
    answers = [await _judge(metrics, rule, _instances(site, service), at) for rule in rules]
    state = worst([answer for answer, _ in answers])
    details = [detail for answer, detail in answers if answer is state and detail]
    return ServiceCheck(
        state=state,
        traffic=await _traffic(metrics, site, service, at),
        detail="; ".join(details) if rules else f"no rule watches {service}",
        window_s=max((rule.query.window_s for rule in rules), default=0.0),
        interval_s=site.timings.verify_every_s,
    )


async def usual_traffic(metrics: MetricsSource, site: Site, service: str, before: datetime) -> float | None:
    """The average traffic of a service over `before_s` before the trouble; None where nothing was measured."""
    question = site.service(service).traffic
    if question is None:
        return None
    span_s = site.timings.before_s
    start, step_s = before - timedelta(seconds=span_s), max(site.timings.scrape_s, span_s / STEPS_MAX)
    try:
        groups = await ask_range(metrics, replace(question, by=()), start, before, step_s)
    except Unavailable:
        return None
    values = [value for points in groups.values() for _, value in points]
    return sum(values) / len(values) if values else None


async def _traffic(metrics: MetricsSource, site: Site, service: str, at: datetime) -> float | None:
    question = site.service(service).traffic
    if question is None:
        return None
    try:
        readings = await ask(metrics, replace(question, by=()), at)
    except Unavailable:
        return None
    return sum(reading.value for reading in readings) if readings else None


async def _judge(metrics: MetricsSource, rule: Rule, instances: frozenset[str], at: datetime) -> tuple[CheckState, str]:
    try:
        readings = await ask(metrics, rule.query, at)
    except Unavailable as error:
        return CheckState.MISSING, f"{rule.name}: {error.detail}"
    bad = [reading for reading in readings if rule.holds(reading.value)]
    if bad:
        worst_one = max(bad, key=lambda reading: abs(reading.value - rule.threshold))
        where = ", ".join(f"{name}={value}" for name, value in worst_one.labels.items() if value)
        which = f" ({where}; {len(bad)} of {len(readings)})" if where else ""
        return CheckState.BAD, f"{rule.name}: {worst_one.value:.3g} {rule.comparison} {rule.threshold:g}{which}"
    if not readings:
        return CheckState.MISSING, f"{rule.name}: no data in the last {rule.query.window_s:g} s"
    if silent := _silent(rule, readings, instances):
        return CheckState.MISSING, f"{rule.name}: no data from {', '.join(sorted(silent))}"
    return CheckState.GOOD, ""


def _silent(rule: Rule, readings: Sequence[Reading], instances: frozenset[str]) -> frozenset[str]:
    """Instances of our own targets that a question by instance got no answer of; one that vanished is not well."""
    heard = {reading.labels.get("instance", "") for reading in readings} if "instance" in rule.query.by else set()
    return instances - heard if heard & instances else frozenset()


def _instances(site: Site, service: str) -> frozenset[str]:
    return frozenset(target.instance for target in site.targets if target.service == service)
