"""The gate: a list of guardrails, the first that speaks wins, and the order is the contract.

The same list runs when an action is proposed and again when it is claimed, over facts read at that moment.
"""

from collections.abc import Callable
from datetime import timedelta

from core.alert import AlertClass
from core.decision import MAY_ACT, Decision, Guardrail, Verb, widened
from core.facts import Candidate, Facts
from core.playbook import ActionType, Playbook, parameter_fault
from core.policy_rules import PROTECTED_BY_DEFAULT, Policy, matches
from core.standing import auto_fault

__all__ = [
    "GUARDRAILS", "MAY_ACT", "PROTECTED_BY_DEFAULT", "Candidate", "Decision", "Facts", "Guardrail", "Policy", "Verb",
    "decide", "explain", "widened",
]  # fmt: skip


def decide(candidate: Candidate, facts: Facts) -> Decision:
    """Ask every guardrail in order; the first that speaks wins. The last one always speaks."""
    return next(answer for guardrail in GUARDRAILS if (answer := guardrail(candidate, facts)) is not None)


def explain(candidate: Candidate, facts: Facts) -> list[tuple[str, Decision | None]]:
    """What each guardrail would say, in order; without a playbook only up to the one that says so."""
    said: list[tuple[str, Decision | None]] = []
    for guardrail in GUARDRAILS:
        said.append((guardrail.__name__.strip("_"), answer := guardrail(candidate, facts)))
        if answer is not None and answer.guardrail is Guardrail.UNKNOWN_PLAYBOOK:
            break
    return said


def _kill_switch(candidate: Candidate, facts: Facts) -> Decision | None:
    if not facts.kill_switch:
        return None
    return _refuse(Guardrail.KILL_SWITCH, "the kill switch is on: nothing acts until a person turns it off")


def _observe_only(candidate: Candidate, facts: Facts) -> Decision | None:
    if not facts.observe_only or not candidate.touches:
        return None
    return _refuse(Guardrail.OBSERVE_ONLY, "observe-only: Nightshift looks and tells until an operator turns it off")


def _maintenance(candidate: Candidate, facts: Facts) -> Decision | None:
    if facts.maintenance_until is None or not candidate.touches:
        return None
    until = facts.maintenance_until.isoformat(timespec="minutes")
    return _refuse(Guardrail.MAINTENANCE, f"people are at work there: maintenance until {until}")


def _freeze(candidate: Candidate, facts: Facts) -> Decision | None:
    found = facts.policy.frozen(candidate.case(facts), facts.now) if candidate.touches else None
    if found is None:
        return None
    freeze, until = found
    return _refuse(
        Guardrail.FREEZE, f"frozen by {freeze.title or freeze.id} until {until.isoformat(timespec='minutes')}"
    )


def _incident_over(candidate: Candidate, facts: Facts) -> Decision | None:
    if not facts.incident_over:
        return None
    return _refuse(Guardrail.INCIDENT_OVER, "the incident is resolved: there is nothing left to act on")


def _unknown_playbook(candidate: Candidate, facts: Facts) -> Decision | None:
    if candidate.playbook is not None:
        return None
    detail = f"there is no playbook {candidate.intent.playbook_id!r}: only registered playbooks may act"
    return _refuse(Guardrail.UNKNOWN_PLAYBOOK, detail)


def _protected_resource(candidate: Candidate, facts: Facts) -> Decision | None:
    if not candidate.touches:
        return None
    for place in (candidate.intent.resource_id, *facts.also_touched):
        if hit := matches(place, facts.policy.protected):
            return _refuse(Guardrail.PROTECTED_RESOURCE, f"{place} is protected (matches {hit})")
    return None


def _acts_not(candidate: Candidate, facts: Facts) -> Decision | None:
    if _book(candidate).acts:
        return None
    if candidate.intent.action == ActionType.WAIT_RETRY:
        return Decision(Verb.WAIT_RETRY, Guardrail.ACTS_NOT, "look again later")
    return _tell(Guardrail.ACTS_NOT, "this playbook only tells a human")


def _hands_off(candidate: Candidate, facts: Facts) -> Decision | None:
    if facts.alert_class not in facts.policy.hands_off or not candidate.touches:
        return None
    detail = f"the policy keeps its hands off trouble of the kind {facts.alert_class}"
    verb = Verb.WAIT_RETRY if facts.alert_class is AlertClass.DNS else Verb.ALERT_ONLY
    return Decision(verb, Guardrail.HANDS_OFF, detail)


def _action_not_available(candidate: Candidate, facts: Facts) -> Decision | None:
    if candidate.intent.action in facts.available:
        return None
    detail = f"nothing here can carry out {candidate.intent.action}; it can: {', '.join(sorted(facts.available))}"
    return _refuse(Guardrail.ACTION_NOT_AVAILABLE, detail)


def _outside_incident(candidate: Candidate, facts: Facts) -> Decision | None:
    target = candidate.intent.resource_id
    if target in facts.incident_resources:
        return None
    return _refuse(Guardrail.OUTSIDE_INCIDENT, f"{target} is not part of this incident")


def _not_allowed(candidate: Candidate, facts: Facts) -> Decision | None:
    case = candidate.case(facts)
    if not facts.policy.allow or any(allowance.covers(case) for allowance in facts.policy.allow):
        return None
    return _refuse(Guardrail.NOT_ALLOWED, f"the allow-list has no {case.action} by {case.playbook} on {case.resource}")


def _unknown_parameter(candidate: Candidate, facts: Facts) -> Decision | None:
    rules, given = _book(candidate).parameters, candidate.intent.parameters
    odd = sorted(set(given) ^ set(rules))
    if odd:
        detail = f"{', '.join(odd)}: exactly these parameters are allowed: {', '.join(sorted(rules)) or 'none'}"
        return _refuse(Guardrail.UNKNOWN_PARAMETER, detail)
    for name, rule in rules.items():
        if fault := parameter_fault(name, given[name], rule, facts.allowed):
            return _refuse(Guardrail.UNKNOWN_PARAMETER, fault)
    return None


def _no_endpoint(candidate: Candidate, facts: Facts) -> Decision | None:
    if facts.endpoint_known:
        return _tell(Guardrail.NO_ENDPOINT, facts.target_fault) if facts.target_fault else None
    detail = f"no endpoint for {candidate.intent.action} on {candidate.intent.resource_id} is registered"
    return _tell(Guardrail.NO_ENDPOINT, detail)


def _open_execution(candidate: Candidate, facts: Facts) -> Decision | None:
    if not facts.open_execution_id:
        return None
    detail = f"execution {facts.open_execution_id} on {candidate.intent.resource_id} is not finished"
    return _refuse(Guardrail.OPEN_EXECUTION, detail)


def _cascade(candidate: Candidate, facts: Facts) -> Decision | None:
    return _tell(Guardrail.CASCADE, facts.cascade) if facts.cascade and candidate.touches else None


def _retries_spent(candidate: Candidate, facts: Facts) -> Decision | None:
    tries_max = 1 + _book(candidate).retries_max
    if facts.attempts_in_incident < tries_max:
        return None
    detail = f"tried {facts.attempts_in_incident} times in this incident, at most {tries_max} are allowed"
    return _tell(Guardrail.RETRIES_SPENT, detail)


def _cooldown(candidate: Candidate, facts: Facts) -> Decision | None:
    if facts.last_attempt_at is None:
        return None
    until = facts.last_attempt_at + timedelta(seconds=_book(candidate).cooldown_s)
    if facts.now >= until:
        return None
    left = (until - facts.now).total_seconds()
    detail = f"tried on this resource before; may run again in {left:.0f} s"
    return Decision(Verb.WAIT_RETRY, Guardrail.COOLDOWN, detail)


def _breaker(candidate: Candidate, facts: Facts) -> Decision | None:
    breaker = facts.policy.breaker
    closes_at = breaker.closes_at(facts.failures, facts.now)
    if closes_at is None:
        return None
    failed = sum(moment > facts.now - timedelta(seconds=breaker.window_s) for moment in facts.failures)
    detail = (
        f"{candidate.intent.playbook_id} failed {failed} times in the last {breaker.window_s / 60:.0f} min; "
        f"its breaker closes at {closes_at.isoformat(timespec='seconds')}"
    )
    return _tell(Guardrail.BREAKER, detail)


def _blast_radius(candidate: Candidate, facts: Facts) -> Decision | None:
    most = facts.policy.actions_per_hour_max
    if facts.actions_last_hour < most:
        return None
    detail = f"{facts.actions_last_hour} actions in the last hour, at most {most} are allowed"
    return _tell(Guardrail.BLAST_RADIUS, detail)


def _service_blast_radius(candidate: Candidate, facts: Facts) -> Decision | None:
    most = facts.policy.of_a_service_max
    if facts.service_actions_last_hour < most:
        return None
    detail = (
        f"{facts.service_actions_last_hour} actions on {facts.service} in the last hour, at most {most} are allowed"
    )
    return _tell(Guardrail.SERVICE_BLAST_RADIUS, detail)


def _dry_run(candidate: Candidate, facts: Facts) -> Decision | None:
    if not _book(candidate).dry_run:
        return None
    return _tell(Guardrail.DRY_RUN, "a dry-run playbook records what it would do and never acts")


def _track_record(candidate: Candidate, facts: Facts) -> Decision | None:
    record = facts.record
    if record.high >= facts.policy.hopeless_below:
        return None
    detail = f"it helped {record.stable} of {record.tried} times on such trouble: at best {record.high * 100:.0f} %"
    return _tell(Guardrail.TRACK_RECORD, detail)


def _standing_approval(candidate: Candidate, facts: Facts) -> Decision | None:
    if _standing_fault(candidate, facts):
        return None
    book, case = _book(candidate), candidate.case(facts)
    one = next(one for one in facts.standing if not one.fault(book, case, facts.now))
    until = one.expires_at.isoformat(timespec="minutes")
    detail = f"{one.person} lets {book.id} act unasked until {until}; it helped {facts.record.stable} times here"
    return Decision(Verb.AUTO, Guardrail.STANDING_APPROVAL, detail, standing_id=one.id)


def _standing_fault(candidate: Candidate, facts: Facts) -> str:
    """Why nobody's standing approval holds here; empty where one does."""
    book, case = _book(candidate), candidate.case(facts)
    if not facts.standing:
        return "nobody lets this playbook act unasked"
    if facts.asked_by_person:
        return "what a person asks for is decided by a person"
    approvers, role = facts.policy.who_agrees(case, _approvers_min(book))
    if role != "approver":
        return f"the role {role} must agree"
    if fault := auto_fault(book, approvers, facts.record, facts.policy.auto):
        return fault
    faults = [one.fault(book, case, facts.now) for one in facts.standing]
    return "" if "" in faults else faults[0]


def _tier(candidate: Candidate, facts: Facts) -> Decision | None:
    book = _book(candidate)
    approvers, role = facts.policy.who_agrees(candidate.case(facts), _approvers_min(book))
    people = f"{approvers} people" if approvers > 1 else "one person"
    detail = f"tier {book.tier}: {people} must approve" + (f" as {role}" if role != "approver" else "")
    if facts.standing and (fault := _standing_fault(candidate, facts)):
        detail += f"; a standing approval does not hold: {fault}"
    return Decision(Verb.ASK, Guardrail.TIER, detail, approvers, role)


def _approvers_min(book: Playbook) -> int:
    return max(1, book.approvers, 2 if book.destructive else 1)


def _book(candidate: Candidate) -> Playbook:
    assert candidate.playbook is not None, "an earlier guardrail speaks otherwise"
    return candidate.playbook


def _refuse(guardrail: Guardrail, detail: str) -> Decision:
    return Decision(Verb.REFUSE, guardrail, detail)


def _tell(guardrail: Guardrail, detail: str) -> Decision:
    return Decision(Verb.ALERT_ONLY, guardrail, detail)


GUARDRAILS: tuple[Callable[[Candidate, Facts], Decision | None], ...] = (
    _kill_switch,
    _observe_only,
    _maintenance,
    _freeze,
    _incident_over,
    _unknown_playbook,
    _protected_resource,
    _acts_not,
    _hands_off,
    _action_not_available,
    _outside_incident,
    _not_allowed,
    _unknown_parameter,
    _no_endpoint,
    _open_execution,
    _cascade,
    _retries_spent,
    _cooldown,
    _breaker,
    _blast_radius,
    _service_blast_radius,
    _dry_run,
    _track_record,
    _standing_approval,
    _tier,
)
