"""The gate's answer: what may happen, which guardrail said so, and who has to agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verb(StrEnum):
    """What the gate answers."""

    REFUSE = "refuse"
    ALERT_ONLY = "alert_only"
    WAIT_RETRY = "wait_retry"
    ASK = "ask"
    AUTO = "auto"


MAY_ACT = frozenset({Verb.ASK, Verb.AUTO})


class Guardrail(StrEnum):
    """Why; stored, shown, asserted in tests."""

    KILL_SWITCH = "kill_switch"
    OBSERVE_ONLY = "observe_only"
    MAINTENANCE = "maintenance"
    FREEZE = "freeze"
    INCIDENT_OVER = "incident_over"
    UNKNOWN_PLAYBOOK = "unknown_playbook"
    PROTECTED_RESOURCE = "protected_resource"
    ACTS_NOT = "acts_not"
    HANDS_OFF = "hands_off"
    ACTION_NOT_AVAILABLE = "action_not_available"
    OUTSIDE_INCIDENT = "outside_incident"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_PARAMETER = "unknown_parameter"
    NO_ENDPOINT = "no_endpoint"
    OPEN_EXECUTION = "open_execution"
    CASCADE = "cascade"
    RETRIES_SPENT = "retries_spent"
    COOLDOWN = "cooldown"
    BREAKER = "breaker"
    BLAST_RADIUS = "blast_radius"
    SERVICE_BLAST_RADIUS = "service_blast_radius"
    DRY_RUN = "dry_run"
    TRACK_RECORD = "track_record"
    STANDING_APPROVAL = "standing_approval"
    TIER = "tier"
    SHADOW = "shadow"


ROLES = ("approver", "operator", "admin")
"""Who may have to agree, the least first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's answer. `standing_id` names the standing approval that an `auto` rests on."""

    verb: Verb
    guardrail: Guardrail
    detail: str
    approvers: int = 0
    role: str = ""
    standing_id: str = ""


def decision_of(stored: Mapping[str, Any]) -> Decision:
    """The decision that is stored with an execution. Raises KeyError and ValueError where there is none."""
    return Decision(
        Verb(stored["verb"]),
        Guardrail(stored["guardrail"]),
        str(stored["detail"]),
        int(stored.get("approvers") or 0),
        str(stored.get("role") or ""),
        str(stored.get("standing_id") or ""),
    )


def widened(then: Mapping[str, Any], now: Decision) -> str:
    """Why what was agreed to (the stored decision) is no longer enough for what the gate asks now; empty if it is."""
    if now.verb not in MAY_ACT:
        return f"{now.guardrail}: {now.detail}"
    if then.get("verb") == Verb.AUTO:
        same = now.verb is Verb.AUTO and now.standing_id == then.get("standing_id")
        return "" if same else f"the standing approval does not hold any more; {now.detail}"
    had_approvers, had_role = int(then.get("approvers") or 0), str(then.get("role") or ROLES[0])
    if now.verb is Verb.ASK and now.approvers > had_approvers:
        return f"{now.approvers} people must agree by now, {had_approvers} were asked"
    if now.verb is Verb.ASK and ROLES.index(now.role) > ROLES.index(had_role):
        return f"the role {now.role} must agree by now, {had_role} was asked"
    return ""
