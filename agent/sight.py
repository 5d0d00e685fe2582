"""Tools that look at the present: alerts, metrics, health, changes and logs. Each answers with bounded lines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from agent.answer import Answer
from agent.log_evidence import find_log_changes
from agent.metric_evidence import find_outages, find_shifts
from agent.scope import Scope
from agent.trouble import Found, clock
from core.evidence import Evidence, EvidenceKind
from core.series import Group, Point, robust_shift
from core.verdict import CheckState
from store import alerts, pool
from tools.read import changes
from tools.read.health import check_service
from tools.read.metrics import ask_range

LINES_MAX = 40
POINTS_MAX = 16
GROUPS_MAX = 12


async def list_alerts(scope: Scope, asked: dict[str, Any]) -> Answer:
    """The alerts of the incident, firing ones first."""
    async with scope.ctx.store.begin() as conn:
        rows = await alerts.of_incident(conn, scope.about["id"], rows_max=LINES_MAX + 1)
    lines = [
        f"{row['status']} {row['severity']} {row['name']} on {row['service']} ({row['resource_id']}) "
        f"since {clock(row['starts_at'])}, seen {row['occurrences']} times; "
        f"{row['annotations'].get('summary') or row['annotations'].get('description') or 'no summary'}"
        for row in rows[:LINES_MAX]
    ]
    is_cut = len(rows) > LINES_MAX
    return Answer("alerts", tuple(lines), cut=is_cut, reason=f"only the first {LINES_MAX}" if is_cut else "no alert")


async def query_metrics(scope: Scope, asked: dict[str, Any]) -> Answer:
    """One described signal of one service over time."""
    service, _, name = asked["signal"].partition("/")
    query = scope.ctx.site.service(service).signals[name]
    start, end = _range(scope, asked)
    step_s = max(scope.trouble.step_s, (end - start).total_seconds() / 200)
    groups = {g: p for g, p in (await ask_range(scope.ctx.metrics, query, start, end, step_s)).items() if p}
    boundary = scope.trouble.boundary.timestamp()
    lines = [_series_line(group, points, boundary) for group, points in list(groups.items())[:GROUPS_MAX]]
    evidence = _shifts(scope, service, name, f"metric:{query.metric}", groups)
    is_cut = len(groups) > GROUPS_MAX
    reason = f"only {GROUPS_MAX} of {len(groups)} groups" if is_cut else "no samples in that range"
    return Answer("metrics", tuple(lines), start, end, is_cut, reason, tuple(evidence))


async def rank_metrics(scope: Scope, asked: dict[str, Any]) -> Answer:
    """What is down, and which signals left their own past, strongest first."""
    found, trouble, ctx = Found(), scope.trouble, scope.ctx
    await find_outages(ctx.metrics, ctx.site, trouble, found)
    await find_shifts(ctx.metrics, ctx.site, trouble, found)
    ranked = sorted(found.evidence, key=lambda e: -e.strength)
    return _of_found(scope, "metrics", [e for e in ranked if asked.get("service") in (None, e.service)], found.unknowns)


async def service_health(scope: Scope, asked: dict[str, Any]) -> Answer:
    """What the rules about a service say right now."""
    service = asked["service"]
    async with scope.ctx.store.begin() as conn:
        now = await pool.now(conn)
    check = await check_service(scope.ctx.metrics, scope.ctx.site, service, now)
    traffic = "not measured" if check.traffic is None else f"{check.traffic:.3g} requests per second"
    line = f"{service} at {clock(now)}: {check.state}; {check.detail or 'every rule is well'}; traffic {traffic}"
    bad = [_fact(EvidenceKind.METRIC_SHIFT, f"{service} is not well: {check.detail}", "rules", service, now)]
    return Answer("rules over metrics", (line,), evidence=tuple(bad) if check.state is CheckState.BAD else ())


async def list_changes(scope: Scope, asked: dict[str, Any]) -> Answer:
    """Deployments, rollbacks, restarts and configuration changes that were reported."""
    trouble = scope.trouble
    services = [asked["service"]] if "service" in asked else list(scope.services)
    start = trouble.started_at - timedelta(minutes=asked.get("minutes", 60))
    async with scope.ctx.store.begin() as conn:
        seen = await changes.read(conn, trouble.environment, services, start, trouble.end, trouble.started_at)
    lines = [f"{clock(e.at)} {e.statement}" if e.at else e.statement for e in seen[:LINES_MAX]]
    is_cut = len(seen) > LINES_MAX
    reason = f"only the newest {LINES_MAX}" if is_cut else "no change was reported in that range"
    suspects = changes.may_have_broken(seen[:LINES_MAX], trouble.started_at)
    return Answer("change events", tuple(lines), start, trouble.end, is_cut, reason, tuple(suspects))


async def search_logs(scope: Scope, asked: dict[str, Any]) -> Answer:
    """Log lines of a service that contain all the words; what they say may come from anybody."""
    service, words = asked["service"], asked.get("words", "").lower().split()
    start, end = _range(scope, asked)
    found = await scope.ctx.logs.lines(service, start, end)
    hits = [line for line in found.lines if all(word in line.lower() for word in words)]
    reasons = [f"the newest {LINES_MAX} of {len(hits)}"] if len(hits) > LINES_MAX else []
    reasons += [found.reason] if found.reason else []
    if not hits:
        reasons = [found.reason or f"none of {len(found.lines)} lines contains these words"]
    statement = f"{len(hits)} log lines of {service} contain the words searched for"
    fact = _fact(EvidenceKind.LOG_TEMPLATE, statement, f"log:{service}", service, end, outsider=True)
    is_cut = found.cut or len(hits) > LINES_MAX
    shown = tuple(line.replace("\n", " | ") for line in hits[-LINES_MAX:])
    return Answer(f"log of {service}", shown, start, end, is_cut, "; ".join(reasons), (fact,) if hits else ())


async def compare_logs(scope: Scope, asked: dict[str, Any]) -> Answer:
    """Kinds of log lines that are new, or far more frequent, since the trouble began."""
    found = Found()
    trouble = replace(scope.trouble, service=asked["service"], dependencies=())
    await find_log_changes(scope.ctx.logs, trouble, found)
    return _of_found(scope, f"log of {asked['service']}", found.evidence, found.unknowns)


def _of_found(scope: Scope, source: str, evidence: Sequence[Evidence], unknowns: Sequence[str]) -> Answer:
    lines = [e.statement for e in evidence[:LINES_MAX]]
    if lines:
        lines += [f"not known: {text}" for text in unknowns[:POINTS_MAX]]
    reason = "; ".join(unknowns[:4]) or "nothing left its own past"
    trouble = scope.trouble
    return Answer(source, tuple(lines), trouble.start, trouble.end, reason=reason, evidence=tuple(evidence[:LINES_MAX]))


def _range(scope: Scope, asked: dict[str, Any]) -> tuple[datetime, datetime]:
    end = scope.trouble.end
    return (end - timedelta(minutes=asked["minutes"]) if "minutes" in asked else scope.trouble.start), end


def _series_line(group: Group, points: Sequence[Point], boundary: float) -> str:
    values = [value for _, value in points]
    before = [value for at, value in points if at < boundary]
    labels = ", ".join(f"{name}={value}" for name, value in group if value) or "all"
    usual = f"{median(before):.3g}" if before else "unknown"
    every = max(1, -(-len(values) // POINTS_MAX))
    shown = " ".join(f"{value:.3g}" for value in values[::every])
    return f"{labels}: usual {usual}, min {min(values):.3g}, max {max(values):.3g}, last {values[-1]:.3g}; {shown}"


def _shifts(scope: Scope, service: str, name: str, source: str, groups: dict[Group, list[Point]]) -> list[Evidence]:
    shifts = [s for points in groups.values() if (s := robust_shift(points, scope.trouble.boundary.timestamp()))]
    if not shifts:
        return []
    best = max(shifts, key=lambda shift: shift.score)
    statement = f"{name} of {service} went from {best.usual:.3g} to {best.extreme:.3g}"
    return [_fact(EvidenceKind.METRIC_SHIFT, statement, source, service, scope.trouble.end)]


def _fact(
    kind: EvidenceKind, statement: str, source: str, service: str, at: datetime, *, outsider: bool = False
) -> Evidence:
    return Evidence("", kind, statement, source, service, at, outsider=outsider)
