"""A policy from plain data, checked: what reads well but could never hold is a fault too."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import BadConfiguration
from core.form import read_form
from core.maintenance import DURATION_S_MAX
from core.playbook import ActionType
from core.policy_rules import TIERS, Allowance, ApproverRule, Freeze, Policy, matches

APPROVERS_MAX = 10
RULES_MAX = 1_000
TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


def read_policy(body: Mapping[str, Any], place: str = "policy") -> Policy:
    """A `Policy` from its stored body. Raises BadConfiguration with the place and what is allowed there."""
    if not isinstance(body, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping at the top")
    return checked(read_form(Policy, body, place), place)


def checked(policy: Policy, place: str) -> Policy:
    """The policy itself, where every part of it can hold."""
    _check_globs(policy.protected, f"{place}.protected", may_be_empty=True)
    for name, rules in (("allow", policy.allow), ("freezes", policy.freezes), ("approvals", policy.approvals)):
        if len(rules) > RULES_MAX:
            raise BadConfiguration(f"{place}.{name}: more than {RULES_MAX}; use patterns")
    for n, allowance in enumerate(policy.allow):
        _check_allowance(allowance, f"{place}.allow[{n}]")
    ids = [freeze.id for freeze in policy.freezes]
    for n, freeze in enumerate(policy.freezes):
        _check_freeze(freeze, f"{place}.freezes[{n}]")
        if freeze.id in ids[:n]:
            raise BadConfiguration(f"{place}.freezes[{n}].id: {freeze.id!r} is there twice; give each its own")
    for n, rule in enumerate(policy.approvals):
        _check_approvers(rule, f"{place}.approvals[{n}]")
    for name, share in (("hopeless_below", policy.hopeless_below), ("auto.rate_min", policy.auto.rate_min)):
        if not 0 <= share <= 1:
            raise BadConfiguration(f"{place}.{name}: {share!r} is not from 0 to 1")
    if policy.auto.stable_min < 1:
        raise BadConfiguration(f"{place}.auto.stable_min: at least 1, nothing acts unasked that never helped")
    return policy


def _check_allowance(allowance: Allowance, place: str) -> None:
    for name in ("playbooks", "actions", "resources", "services", "environments"):
        _check_globs(getattr(allowance, name), f"{place}.{name}")
    for n, glob in enumerate(allowance.actions):
        if not any(matches(action, [glob]) for action in ActionType):
            known = ", ".join(ActionType)
            raise BadConfiguration(f"{place}.actions[{n}]: {glob!r} matches no action; there are: {known}")


def _check_approvers(rule: ApproverRule, place: str) -> None:
    _check_tiers(rule.tiers, place)
    for name in ("playbooks", "services", "environments"):
        _check_globs(getattr(rule, name), f"{place}.{name}")
    if not 1 <= rule.approvers <= APPROVERS_MAX:
        raise BadConfiguration(f"{place}.approvers: {rule.approvers} is not from 1 to {APPROVERS_MAX}")


def _check_freeze(freeze: Freeze, place: str) -> None:
    _check_tiers(freeze.tiers, place)
    for name in ("services", "environments"):
        _check_globs(getattr(freeze, name), f"{place}.{name}")
    if not 0 < freeze.for_s <= DURATION_S_MAX:
        raise BadConfiguration(f"{place}.for_s: {freeze.for_s:.0f} is not above 0 and at most {DURATION_S_MAX:.0f}")
    try:
        ZoneInfo(freeze.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadConfiguration(f"{place}.zone: {freeze.zone!r} is no time zone; write one like Europe/Berlin") from None
    if not TIME_OF_DAY.fullmatch(freeze.at):
        raise BadConfiguration(f"{place}.at: {freeze.at!r} is no time of day; write it like '18:00'")
    for name, text in (("first_day", freeze.first_day), ("last_day", freeze.last_day)):
        try:
            date.fromisoformat(text or "1970-01-01")
        except ValueError:
            raise BadConfiguration(f"{place}.{name}: {text!r} is no day; write it like '2026-12-24'") from None
    if freeze.first_day and freeze.last_day and freeze.last_day < freeze.first_day:
        raise BadConfiguration(f"{place}.last_day: {freeze.last_day} is before the first day, {freeze.first_day}")


def _check_globs(globs: Sequence[str], place: str, *, may_be_empty: bool = False) -> None:
    if not globs and not may_be_empty:
        raise BadConfiguration(f"{place}: names nothing, so that it never holds; leave the key out to mean everything")
    if "" in globs:
        raise BadConfiguration(f"{place}[{list(globs).index('')}]: an empty pattern matches nothing; write a name or *")


def _check_tiers(tiers: Sequence[int], place: str) -> None:
    if not tiers:
        raise BadConfiguration(f"{place}.tiers: names none, so that it never holds; leave the key out to mean all")
    if odd := [tier for tier in tiers if tier not in TIERS]:
        raise BadConfiguration(f"{place}.tiers: {odd[0]!r} is not one of 1 (restart), 2 (capacity), 3 (change)")
