"""Escalation: who is called, how long after the trouble began, and again; until somebody acknowledges or it is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import BadInput
from core.incident import Priority

ACKNOWLEDGED_S = 1800.0
RAISE_P2_AFTER_S = 7200.0
STEPS_MAX = 20
REPEATS_MAX = 50
STEP_S_MAX = 7 * 86_400.0


class EscalationReason(StrEnum):
    """Why somebody is called now, or nobody is."""

    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    MAINTENANCE = "maintenance"
    NOT_YET = "not_yet"
    DUE = "due"
    EVERYBODY_CALLED = "everybody_called"


class RaiseReason(StrEnum):
    """Why an incident becomes more urgent, or stays as it is."""

    UNACKNOWLEDGED = "unacknowledged"
    NOT_YET = "not_yet"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    OTHER_PRIORITY = "other_priority"


@dataclass(frozen=True, slots=True)
class Step:
    """Call `who` after `after_s`, and `repeat` times more, `every_s` apart."""

    who: str
    after_s: float
    repeat: int = 0
    every_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Escalation:
    """A policy: its steps, and how long an acknowledgement holds."""

    steps: tuple[Step, ...]
    acknowledged_s: float = ACKNOWLEDGED_S


@dataclass(frozen=True, slots=True)
class Life:
    """What escalation needs of an incident. `began_at` is its opening, reopening, or the moment it became P1;
    `called` counts the calls of the round that `round_began` names."""

    began_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    paused_until: datetime | None = None
    called: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody is called, at this time of the round."""

    who: str
    at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Escalated:
    """The decision: whom to call now, why, and when to ask again (None: only news can change it)."""

    reason: EscalationReason
    calls: tuple[Call, ...] = ()
    next_at: datetime | None = None


ON_CALL = "on-call"
DEFAULT = {
    Priority.P1: Escalation((Step(ON_CALL, 0), Step(ON_CALL, 300), Step(ON_CALL, 600))),
    Priority.P2: Escalation((Step(ON_CALL, 0),)),
    Priority.P3: Escalation((Step(ON_CALL, 0),)),
    Priority.P4: Escalation(()),
}


def check(policy: Escalation) -> None:
    """Refuse a policy that calls nobody or without end. Raises BadInput."""
    if not 1 <= len(policy.steps) <= STEPS_MAX:
        raise BadInput(f"A policy has 1 to {STEPS_MAX} steps; this one has {len(policy.steps)}.")
    for number, step in enumerate(policy.steps, 1):
        if not step.who.strip():
            raise BadInput(f"Step {number} calls nobody: name somebody in `who`.")
        if not 0 <= step.after_s <= STEP_S_MAX or not 0 <= step.repeat <= REPEATS_MAX:
            raise BadInput(f"Step {number}: `after_s` is 0 to {STEP_S_MAX:.0f}, `repeat` is 0 to {REPEATS_MAX}.")
        if step.repeat and not 10 <= step.every_s <= STEP_S_MAX:
            raise BadInput(f"Step {number}: `every_s` is 10 to {STEP_S_MAX:.0f}.")
    if not 60 <= policy.acknowledged_s <= STEP_S_MAX:
        raise BadInput(f"`acknowledged_s` is 60 to {STEP_S_MAX:.0f}: an acknowledgement never holds for ever.")


def round_began(life: Life, policy: Escalation) -> datetime:
    """When the round of calls began: with the trouble, or when the last acknowledgement ran out."""
    if life.acknowledged_at is None or life.acknowledged_at < life.began_at:
        return life.began_at
    return life.acknowledged_at + timedelta(seconds=policy.acknowledged_s)


def escalate(life: Life, policy: Escalation, now: datetime) -> Escalated:
    """Whom to call now: everybody whose time has come in this round and who was not called in it yet."""
    if life.resolved_at is not None:
        return Escalated(EscalationReason.RESOLVED)
    began = round_began(life, policy)
    if now < began:
        held = life.acknowledged_at is not None and life.acknowledged_at >= life.began_at
        return Escalated(EscalationReason.ACKNOWLEDGED if held else EscalationReason.NOT_YET, (), began)
    left = calls(policy, began)[life.called :]
    if not left:
        return Escalated(EscalationReason.EVERYBODY_CALLED)
    if life.paused_until is not None and now < life.paused_until:
        return Escalated(EscalationReason.MAINTENANCE, (), life.paused_until)
    due = tuple(call for call in left if call.at <= now)
    following = left[len(due)].at if len(due) < len(left) else None
    return Escalated(EscalationReason.DUE if due else EscalationReason.NOT_YET, due, following)


def calls(policy: Escalation, began: datetime) -> tuple[Call, ...]:
    """Every call of a round in the order of time; those of one moment in the order of the steps."""
    planned = sorted(
        (step.after_s + nth * step.every_s * bool(nth), number, step.who)
        for number, step in enumerate(policy.steps)
        for nth in range(step.repeat + 1)
    )
    return tuple(
        Call(who, began + timedelta(seconds=after_s), number) for number, (after_s, _, who) in enumerate(planned)
    )


def raised(
    priority: Priority, life: Life, now: datetime, *, after_s: float = RAISE_P2_AFTER_S
) -> tuple[Priority, RaiseReason]:
    """P2 that nobody acknowledged for two hours becomes P1."""
    if life.resolved_at is not None:
        return priority, RaiseReason.RESOLVED
    if priority is not Priority.P2:
        return priority, RaiseReason.OTHER_PRIORITY
    if life.acknowledged_at is not None and life.acknowledged_at >= life.began_at:
        return priority, RaiseReason.ACKNOWLEDGED
    if now - life.began_at < timedelta(seconds=after_s):
        return priority, RaiseReason.NOT_YET
    return Priority.P1, RaiseReason.UNACKNOWLEDGED
