"""A diagnosis without a model: fixed rules over evidence, in a fixed order, with what is not known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.evidence import Evidence, EvidenceKind


class Cause(StrEnum):
    """What is probably broken; playbooks say which causes they cure."""

    DEPENDENCY_DOWN = "dependency_down"
    BAD_RELEASE = "bad_release"
    CHANGE = "change"
    INSTANCE_DOWN = "instance_down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One conclusion: cause, the service that is to blame, why, and what nobody knows yet."""

    cause: Cause
    service: str
    summary: str
    evidence: tuple[Evidence, ...]
    unknowns: tuple[str, ...]
    confirmed: bool
    by: str = "rules"
    degraded: str = ""

    def cited(self, kind: EvidenceKind) -> list[Evidence]:
        """The evidence of one kind, strongest first."""
        return sorted((e for e in self.evidence if e.kind is kind), key=lambda e: -e.strength)


DEPLOY_WORDS = ("deploy", "release")
CHANGE_LOOKBACK = timedelta(minutes=30)
# Clocks of deployers and metric windows differ: a change may carry a time slightly after the first symptom.
CHANGE_SLACK = timedelta(seconds=5)

Finding = tuple[Cause, str, str]


def conclude(
    service: str, started_at: datetime, evidence: Sequence[Evidence], lookback: timedelta = CHANGE_LOOKBACK
) -> Diagnosis:
    """Apply the rules in order; the first that speaks names the cause."""
    trusted = [e for e in evidence if not e.outsider]
    finding = next((f for rule in RULES if (f := rule(service, started_at, trusted, lookback))), None)
    cause, blamed, summary = finding or (
        Cause.UNKNOWN,
        service,
        f"No rule explains the trouble of {service}.",
    )
    kinds = {e.kind for e in trusted}
    # One kind of signal alone is a suspicion; a second kind makes it confirmed.
    confirmed = cause is not Cause.UNKNOWN and len({e.kind for e in trusted if _speaks_of(e, blamed, service)}) >= 2
    return Diagnosis(cause, blamed, summary, tuple(evidence), _unknowns(cause, kinds), confirmed)


def is_recent_change(e: Evidence, service: str, started_at: datetime, lookback: timedelta) -> bool:
    """Did this change hit the service shortly before the trouble began?"""
    if e.kind is not EvidenceKind.CHANGE or e.service != service or e.at is None:
        return False
    return started_at - lookback <= e.at <= started_at + CHANGE_SLACK


def _speaks_of(e: Evidence, blamed: str, troubled: str) -> bool:
    """Is it a signal of today about the blamed service, or a symptom of the service in trouble?"""
    if e.kind is EvidenceKind.PAST_INCIDENT:
        return False
    is_symptom = e.kind in (EvidenceKind.METRIC_SHIFT, EvidenceKind.LOG_TEMPLATE)
    return e.service == blamed or (is_symptom and e.service == troubled)


def _dependency_down(
    service: str, started_at: datetime, evidence: Sequence[Evidence], lookback: timedelta
) -> Finding | None:
    down = [e for e in evidence if e.kind is EvidenceKind.DEPENDENCY_DOWN]
    if not down:
        return None
    worst = min(down, key=lambda e: (e.at or started_at, e.service))
    return Cause.DEPENDENCY_DOWN, worst.service, f"{service} needs {worst.service}, and {worst.statement}."


def _own_target_down(
    service: str, started_at: datetime, evidence: Sequence[Evidence], lookback: timedelta
) -> Finding | None:
    down = [e for e in evidence if e.kind is EvidenceKind.TARGET_DOWN and e.service == service]
    return (Cause.INSTANCE_DOWN, service, f"{down[0].statement[:1].upper()}{down[0].statement[1:]}.") if down else None


def _changed(service: str, started_at: datetime, evidence: Sequence[Evidence], lookback: timedelta) -> Finding | None:
    changes = [e for e in evidence if is_recent_change(e, service, started_at, lookback)]
    if not changes:
        return None
    last = max(changes, key=lambda e: e.at or started_at)
    is_release = last.source.startswith(DEPLOY_WORDS)
    cause = Cause.BAD_RELEASE if is_release else Cause.CHANGE
    return cause, service, f"{service} broke right after a change: {last.statement}."


THE_CAUSE = "The cause."
RULES: tuple[Callable[[str, datetime, Sequence[Evidence], timedelta], Finding | None], ...] = (
    _dependency_down,
    _own_target_down,
    _changed,
)


def _unknowns(cause: Cause, kinds: set[EvidenceKind]) -> tuple[str, ...]:
    unknown = []
    if EvidenceKind.METRIC_SHIFT not in kinds:
        unknown.append("No metric was seen leaving its own past.")
    if EvidenceKind.LOG_TEMPLATE not in kinds:
        unknown.append("No new kind of log line was seen.")
    if cause is Cause.BAD_RELEASE:
        unknown.append("That the release caused it is concluded from the order of events, not proven.")
    if cause is Cause.UNKNOWN:
        unknown.append(THE_CAUSE)
    return tuple(unknown)
