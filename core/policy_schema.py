"""The JSON Schema of a policy file: every key in words, made from the form that reads it."""

from typing import Any

from core.form_schema import schema_of
from core.policy_form import APPROVERS_MAX, TIME_OF_DAY
from core.policy_rules import TIERS, Policy

_SCOPE = {"services": "Patterns of services.", "environments": "Patterns of environments."}
_TIERS = "Tiers it is about: 1 like a restart, 2 capacity, 3 a change."
WORDS = {
    "Policy.protected": "Patterns of resources that nothing touches; those of the site file stay protected as well.",
    "Policy.allow": "What may act at all; where nothing is written, whatever the other rules leave.",
    "Allowance.playbooks": "Patterns of playbooks.",
    "Allowance.actions": "Patterns of action types.",
    "Allowance.resources": "Patterns of resource ids.",
    **{f"Allowance.{name}": said for name, said in _SCOPE.items()},
    "Policy.freezes": "Times in which nothing acts.",
    "Freeze.id": "Its name.",
    "Freeze.title": "Why, for people.",
    "Freeze.zone": "The time zone of its times and days.",
    "Freeze.at": "When it begins, as 'HH:MM'.",
    "Freeze.for_s": "How many seconds it lasts.",
    "Freeze.days": "Days of the week on which it begins; every day where none is named.",
    "Freeze.first_day": "The first day on which it may begin, as YYYY-MM-DD.",
    "Freeze.last_day": "The last day of it, as YYYY-MM-DD.",
    "Freeze.tiers": _TIERS,
    **{f"Freeze.{name}": said for name, said in _SCOPE.items()},
    "Policy.hands_off": "Kinds of trouble in which nothing acts and people are told.",
    "Policy.approvals": "Who has to agree to what; of several that match, the strictest counts.",
    "ApproverRule.approvers": "How many different people.",
    "ApproverRule.role": "The least role that they need.",
    "ApproverRule.tiers": _TIERS,
    "ApproverRule.playbooks": "Patterns of playbooks.",
    **{f"ApproverRule.{name}": said for name, said in _SCOPE.items()},
    "Policy.requester_may_approve": "May who asked for a restart or for capacity approve it? Never a change.",
    "Policy.actions_per_hour_max": "Actions in one hour, everywhere.",
    "Policy.service_actions_per_hour_max": "Actions in one hour on one service; half of all where it is left out.",
    "Policy.attempts_max": "Rounds of investigating and acting in one incident before a person has to go on.",
    "Policy.breaker": "When a playbook that keeps failing is not asked for any more.",
    "Breaker.failures_max": "Failures that open it; 0 never does.",
    "Breaker.window_s": "Seconds in which they are counted.",
    "Policy.hopeless_below": "A playbook is not proposed any more when even its best likely rate is below this share.",
    "Policy.auto": "When a person's standing approval may stand for an approval.",
    "AutoRule.allowed": "Whether standing approvals count at all.",
    "AutoRule.stable_min": "Stable outcomes that a playbook needs on this kind of trouble here.",
    "AutoRule.rate_min": "The least that its cautious rate has to be.",
}
_SHARE = {"minimum": 0, "maximum": 1}
_EACH_TIER = {"items": {"type": "integer", "enum": list(TIERS)}}
LIMITS: dict[str, dict[str, Any]] = {
    "Freeze.at": {"pattern": f"^{TIME_OF_DAY.pattern}$"},
    "Freeze.first_day": {"pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"},
    "Freeze.last_day": {"pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"},
    "Freeze.tiers": _EACH_TIER,
    "ApproverRule.tiers": _EACH_TIER,
    "ApproverRule.approvers": {"minimum": 1, "maximum": APPROVERS_MAX},
    "Policy.hopeless_below": _SHARE,
    "AutoRule.rate_min": _SHARE,
    "AutoRule.stable_min": {"minimum": 1},
}


def policy_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a policy file."""
    made: dict[str, Any] = schema_of(Policy, "Nightshift policy", WORDS, LIMITS)
    return made
