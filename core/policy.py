"""The gate: a list of guardrails, the first that speaks wins, and the order is the contract.

The same list runs when an action is proposed and again when it is claimed, over facts read at that moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from core.intent import Intent
from core.playbook import ActionType, Playbook, parameter_fault


class Verb(StrEnum):
    """What the gate answers."""

    REFUSE = "refuse"
    ALERT_ONLY = "alert_only"
    WAIT_RETRY = "wait_retry"
    ASK = "ask"


class Guardrail(StrEnum):
    """Why; stored, shown, asserted in tests."""

    KILL_SWITCH = "kill_switch"
    MAINTENANCE = "maintenance"
    INCIDENT_OVER = "incident_over"
    UNKNOWN_PLAYBOOK = "unknown_playbook"
    PROTECTED_RESOURCE = "protected_resource"
    OUTSIDE_INCIDENT = "outside_incident"
    UNKNOWN_PARAMETER = "unknown_parameter"
    NO_ENDPOINT = "no_endpoint"
    OPEN_EXECUTION = "open_execution"
    RETRIES_SPENT = "retries_spent"
    COOLDOWN = "cooldown"
    BLAST_RADIUS = "blast_radius"
    DRY_RUN = "dry_run"
    ACTS_NOT = "acts_not"
    TIER = "tier"


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's answer: what, why, and who has to agree."""

    verb: Verb
    guardrail: Guardrail
    detail: str
    approvers: int = 0
    role: str = ""


# What keeps state: by product, or by `db` as a word of its own (`host:db-1`, `pod/orders-db-0`), never inside another.
PROTECTED_BY_DEFAULT = (
    "*database*", "*postgres*", "*mysql*", "*mariadb*", "*mongo*", "*redis*", "*kafka*", "*etcd*", "*cassandra*",
    "*elasticsearch*", "*opensearch*", "*zookeeper*", "*vault*", "*[-_/:.]db", "*[-_/:.]db[-_/:.0-9]*",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the gate looks at, read at the moment of decision. `last_attempt_at` and `attempts` count failed and
    unknown tries too; `allowed` holds the inventory's values for each kind of parameter."""

    now: datetime
    kill_switch: bool = False
    maintenance_until: datetime | None = None
    incident_over: bool = False
    protected: tuple[str, ...] = PROTECTED_BY_DEFAULT
    incident_resources: frozenset[str] = frozenset()
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    endpoint_known: bool = False
    open_execution_id: str = ""
    attempts_in_incident: int = 0
    last_attempt_at: datetime | None = None
    actions_last_hour: int = 0
    actions_per_hour_max: int = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """What somebody wants done. `playbook` is None where the named one does not exist."""

    intent: Intent
    playbook: Playbook | None


def decide(candidate: Candidate, facts: Facts) -> Decision:
    """Ask every guardrail in order; the first that speaks wins. The last one always speaks."""
    return next(answer for guardrail in GUARDRAILS if (answer := guardrail(candidate, facts)) is not None)


def explain(candidate: Candidate, facts: Facts) -> list[tuple[str, Decision | None]]:
    """What each guardrail would say, in order."""
    return [(guardrail.__name__, guardrail(candidate, facts)) for guardrail in GUARDRAILS]


def _kill_switch(candidate: Candidate, facts: Facts) -> Decision | None:
    if not facts.kill_switch:
        return None
    return Decision(
        Verb.REFUSE, Guardrail.KILL_SWITCH, "the kill switch is on: nothing acts until a person turns it off"
    )


def _maintenance(candidate: Candidate, facts: Facts) -> Decision | None:
    if facts.maintenance_until is None or not _acts(candidate):
        return None
    until = facts.maintenance_until.isoformat(timespec="minutes")
    return Decision(Verb.REFUSE, Guardrail.MAINTENANCE, f"people are at work there: maintenance until {until}")


def _incident_over(candidate: Candidate, facts: Facts) -> Decision | None:
    if not facts.incident_over:
        return None
    return Decision(Verb.REFUSE, Guardrail.INCIDENT_OVER, "the incident is resolved: there is nothing left to act on")


def _unknown_playbook(candidate: Candidate, facts: Facts) -> Decision | None:
    if candidate.playbook is not None:
        return None
    detail = f"there is no playbook {candidate.intent.playbook_id!r}: only registered playbooks may act"
    return Decision(Verb.REFUSE, Guardrail.UNKNOWN_PLAYBOOK, detail)


def _protected(candidate: Candidate, facts: Facts) -> Decision | None:
    target = candidate.intent.resource_id
    hit = next((glob for glob in facts.protected if fnmatchcase(target.lower(), glob.lower())), None)
    if hit is None or not _acts(candidate):
        return None
    return Decision(Verb.REFUSE, Guardrail.PROTECTED_RESOURCE, f"{target} is protected (matches {hit})")


def _acts_not(candidate: Candidate, facts: Facts) -> Decision | None:
    if _acts(candidate):
        return None
    waits = candidate.intent.action == ActionType.WAIT_RETRY
    verb = Verb.WAIT_RETRY if waits else Verb.ALERT_ONLY
    return Decision(verb, Guardrail.ACTS_NOT, "this playbook only tells a human" if not waits else "look again later")


def _outside_incident(candidate: Candidate, facts: Facts) -> Decision | None:
    target = candidate.intent.resource_id
    if target in facts.incident_resources:
        return None
    return Decision(Verb.REFUSE, Guardrail.OUTSIDE_INCIDENT, f"{target} is not part of this incident")


def _parameters(candidate: Candidate, facts: Facts) -> Decision | None:
    assert candidate.playbook is not None  # an earlier guardrail spoke otherwise
    rules, given = candidate.playbook.parameters, candidate.intent.parameters
    odd = sorted(set(given) ^ set(rules))
    if odd:
        detail = f"{', '.join(odd)}: exactly these parameters are allowed: {', '.join(sorted(rules)) or 'none'}"
        return Decision(Verb.REFUSE, Guardrail.UNKNOWN_PARAMETER, detail)
    for name, rule in rules.items():
        if fault := parameter_fault(name, given[name], rule, facts.allowed):
            return Decision(Verb.REFUSE, Guardrail.UNKNOWN_PARAMETER, fault)
    return None


def _endpoint(candidate: Candidate, facts: Facts) -> Decision | None:
    if facts.endpoint_known:
        return None
    detail = f"no endpoint for {candidate.intent.action} on {candidate.intent.resource_id} is registered"
    return Decision(Verb.ALERT_ONLY, Guardrail.NO_ENDPOINT, detail)


def _open_execution(candidate: Candidate, facts: Facts) -> Decision | None:
    if not facts.open_execution_id:
        return None
    detail = f"execution {facts.open_execution_id} on {candidate.intent.resource_id} is not finished"
    return Decision(Verb.REFUSE, Guardrail.OPEN_EXECUTION, detail)


def _retries(candidate: Candidate, facts: Facts) -> Decision | None:
    assert candidate.playbook is not None
    tries_max = 1 + candidate.playbook.retries_max
    if facts.attempts_in_incident < tries_max:
        return None
    detail = f"tried {facts.attempts_in_incident} times in this incident, at most {tries_max} are allowed"
    return Decision(Verb.ALERT_ONLY, Guardrail.RETRIES_SPENT, detail)


def _cooldown(candidate: Candidate, facts: Facts) -> Decision | None:
    assert candidate.playbook is not None
    if facts.last_attempt_at is None:
        return None
    until = facts.last_attempt_at + timedelta(seconds=candidate.playbook.cooldown_s)
    if facts.now >= until:
        return None
    left = (until - facts.now).total_seconds()
    return Decision(
        Verb.WAIT_RETRY, Guardrail.COOLDOWN, f"tried on this resource before; may run again in {left:.0f} s"
    )


def _blast_radius(candidate: Candidate, facts: Facts) -> Decision | None:
    if facts.actions_last_hour < facts.actions_per_hour_max:
        return None
    detail = f"{facts.actions_last_hour} actions in the last hour, at most {facts.actions_per_hour_max} are allowed"
    return Decision(Verb.ALERT_ONLY, Guardrail.BLAST_RADIUS, detail)


def _dry_run(candidate: Candidate, facts: Facts) -> Decision | None:
    assert candidate.playbook is not None
    if not candidate.playbook.dry_run:
        return None
    return Decision(Verb.ALERT_ONLY, Guardrail.DRY_RUN, "a dry-run playbook records what it would do and never acts")


def _tier(candidate: Candidate, facts: Facts) -> Decision | None:
    assert candidate.playbook is not None
    book = candidate.playbook
    approvers = max(book.approvers, 2 if book.destructive else 1)
    people = f"{approvers} people" if approvers > 1 else "one person"
    return Decision(Verb.ASK, Guardrail.TIER, f"tier {book.tier}: {people} must approve", approvers, "approver")


def _acts(candidate: Candidate) -> bool:
    return candidate.playbook is None or candidate.playbook.acts


GUARDRAILS: tuple[Callable[[Candidate, Facts], Decision | None], ...] = (
    _kill_switch,
    _maintenance,
    _incident_over,
    _unknown_playbook,
    _protected,
    _acts_not,
    _outside_incident,
    _parameters,
    _endpoint,
    _open_execution,
    _retries,
    _cooldown,
    _blast_radius,
    _dry_run,
    _tier,
)
