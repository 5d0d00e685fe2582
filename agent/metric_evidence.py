"""Facts from metrics: what is down, and which signals left their own past, in what order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from agent.trouble import Found, Trouble, clock
from core.errors import NightshiftError
from core.evidence import Evidence, EvidenceKind
from core.series import Group, MetricQuery, Point, Shift, robust_shift
from core.site import Site
from tools.read.changes import relative_to
from tools.read.metrics import MetricsSource, ask_range

UP = "up"
SIGNALS_MAX = 32
STRENGTH_MAX = 1000.0
STEPS_UNTIL_VANISHED = 4
Groups = Mapping[Group, list[Point]]


async def find_outages(metrics: MetricsSource, site: Site, trouble: Trouble, found: Found) -> None:
    """Instances whose `up` signal is 0, or which stopped sending samples, at about the start or right now."""
    answers: dict[str, Groups] = {}
    for service in trouble.services:
        signal = site.service(service).signals.get(UP)
        if signal is None:
            found.unknowns.append(f"Whether {service} is up is not measured.")
            continue
        by_instance = replace(signal, by=tuple(sorted({*signal.by, "instance"})))
        groups = await _range(metrics, by_instance, trouble, found, f"whether {service} is up")
        if groups is not None:
            answers[service] = groups
    newest = max((points[-1][0] for groups in answers.values() for points in groups.values()), default=0.0)
    for service, groups in answers.items():
        last = max(points[-1][0] for points in groups.values())
        vanished = newest - last > STEPS_UNTIL_VANISHED * trouble.step_s
        for group, points in groups.items():
            if (outage := _outage(points, trouble)) or vanished:
                since, until = outage or (points[-1][0], None)
                found.evidence.append(_down(trouble, service, group, since, until, silent=outage is None))


async def find_shifts(metrics: MetricsSource, site: Site, trouble: Trouble, found: Found) -> None:
    """Signals that left their own past, in the order in which they did."""
    signals = [
        (service, name, query)
        for service in trouble.services
        for name, query in site.service(service).signals.items()
        if name != UP
    ]
    if not any(service == trouble.service for service, _, _ in signals):
        found.unknowns.append(f"No signals are described for {trouble.service}.")
    shifts = []
    for service, name, query in signals[:SIGNALS_MAX]:
        groups = await _range(metrics, query, trouble, found, f"{name} of {service}")
        if groups is None:
            continue
        if not any(_has_past(points, trouble) for points in groups.values()):
            found.unknowns.append(f"{name} of {service} has too little past to compare with.")
        moved = _moved(groups, trouble)
        if moved:
            best = max(moved, key=lambda group: moved[group].score)
            first_at = min(shift.first_at for shift in moved.values())
            where = await _where(metrics, query, trouble, groups, moved)
            shifts.append(_shifted(trouble, service, name, query, replace(moved[best], first_at=first_at), where))
    shifts.sort(key=lambda e: (e.at or trouble.started_at, e.service, e.statement))
    if len(shifts) > 1:
        shifts[0] = replace(shifts[0], statement=f"moved first: {shifts[0].statement}")
    found.evidence += shifts


async def _range(
    metrics: MetricsSource, query: MetricQuery, trouble: Trouble, found: Found, what: str
) -> Groups | None:
    """The answers of a question that has any; everything else becomes something that is not known."""
    try:
        groups = await ask_range(metrics, query, trouble.start, trouble.end, trouble.step_s)
    except NightshiftError as error:
        found.unknowns.append(f"Not known: {what}. {error.detail}")
        return None
    groups = {group: points for group, points in groups.items() if points}
    if not groups:
        found.unknowns.append(f"Not known: {what}. There is no data.")
        return None
    if max(points[-1][0] for points in groups.values()) < trouble.boundary.timestamp():
        found.unknowns.append(f"Not known: {what} since the trouble began. The data ends before.")
    return groups


def _outage(points: Sequence[Point], trouble: Trouble) -> tuple[float, float | None] | None:
    """The stretch of zeros that lasts until now, or else the one at about the start; None where there is none."""
    stretches = []
    for is_down, run in groupby(points, key=lambda point: point[1] <= 0):
        times = [at for at, _ in run]
        if is_down:
            stretches.append((times[0], times[-1]))
    if stretches and stretches[-1][1] == points[-1][0]:
        return stretches[-1][0], None
    latest = (trouble.started_at + trouble.around).timestamp()
    near = [s for s in stretches if s[0] <= latest and s[1] >= trouble.boundary.timestamp()]
    return near[-1] if near else None


def _down(trouble: Trouble, service: str, group: Group, since: float, until: float | None, *, silent: bool) -> Evidence:
    at = _moment(since)
    instance = dict(group).get("instance")
    who = f"{instance} of {service}" if instance and instance != service else service
    if silent:
        what = f"{who} has sent no samples since {clock(at)}, while others did"
    elif until is None:
        what = f"{who} has been down since {clock(at)}"
    else:
        what = f"{who} was down from {clock(at)} to {clock(_moment(until))}"
    own = service == trouble.service
    return Evidence(
        id="",
        kind=EvidenceKind.TARGET_DOWN if own else EvidenceKind.DEPENDENCY_DOWN,
        statement=f"{what}, {relative_to(at, trouble.started_at)}",
        source=f"metric:{UP}",
        service=service,
        at=at,
        strength=STRENGTH_MAX if until is None else STRENGTH_MAX / 2,
    )


def _has_past(points: Sequence[Point], trouble: Trouble) -> bool:
    return sum(at < trouble.boundary.timestamp() for at, _ in points) >= 3


def _moved(groups: Groups, trouble: Trouble) -> dict[Group, Shift]:
    boundary = trouble.boundary.timestamp()
    return {group: shift for group, points in groups.items() if (shift := robust_shift(points, boundary))}


async def _where(
    metrics: MetricsSource, query: MetricQuery, trouble: Trouble, groups: Groups, moved: Mapping[Group, Shift]
) -> str:
    """Where a signal moved: its worst group, and on how many instances where they can be told apart."""
    if query.by == ("instance",):
        return _spread(moved, groups)
    best = max(moved, key=lambda group: moved[group].score)
    labels = ", ".join(f"{name}={value}" for name, value in best if value)
    where = f" ({labels}; {len(moved)} of {len(groups)})" if labels else ""
    if "instance" in query.by:
        return where
    by_instance = replace(query, by=("instance",))
    try:
        each = await ask_range(metrics, by_instance, trouble.start, trouble.end, 4 * trouble.step_s)
    except NightshiftError:
        return where
    return where + _spread(_moved(each, trouble), each)


def _spread(moved: Mapping[Group, Shift], groups: Groups) -> str:
    if len(groups) < 2 or not moved:
        return ""
    if len(moved) == 1:
        return f", only on instance {dict(next(iter(moved)))['instance']} of {len(groups)}"
    return f", on all {len(groups)} instances" if len(moved) == len(groups) else f", on {len(moved)} of {len(groups)}"


def _shifted(trouble: Trouble, service: str, name: str, query: MetricQuery, shift: Shift, where: str) -> Evidence:
    at = _moment(shift.first_at)
    way = "rose" if shift.extreme > shift.usual else "fell"
    return Evidence(
        id="",
        kind=EvidenceKind.METRIC_SHIFT,
        statement=(
            f"{name} of {service} {way} from {shift.usual:.3g} to {shift.extreme:.3g}{where}, "
            f"first at {clock(at)}, {relative_to(at, trouble.started_at)}"
        ),
        source=f"metric:{query.metric}",
        service=service,
        at=at,
        strength=min(shift.score, STRENGTH_MAX),
    )


def _moment(unix_s: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s)
