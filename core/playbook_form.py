"""A playbook from plain data, checked: its action has the parameters it cannot do without, and nothing is left open."""

import re
from collections.abc import Mapping
from typing import Any

from core.errors import BadConfiguration
from core.form import read_form
from core.playbook import NO_UNDO, PARAMETER_VALUE, ActionType, ParameterKind, ParameterRule, Playbook, Question

PLAYBOOK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
APPROVERS_MAX = 10
NEEDED: Mapping[ActionType, tuple[str, ...]] = {
    ActionType.INVOKE_SCRIPT: ("script_id",),
    ActionType.SSH_COMMAND: ("command",),
    ActionType.SCALE: ("replicas",),
    ActionType.EVICT_POD: ("pod",),
    ActionType.SET_RESOURCES: ("memory_mib", "cpu_millis"),
    ActionType.ROLLOUT_TO_REVISION: ("revision",),
    ActionType.CONFIG_CHANGE: ("value",),
    ActionType.DOCKER_UPDATE: ("memory_mib", "cpu_millis"),
}
"""Parameters of which an action needs at least one, by the names that its actuator reads."""


def read_playbook(body: Mapping[str, Any], version: int, place: str = "playbook") -> Playbook:
    """A `Playbook` from its stored body. Raises BadConfiguration with the place and what is allowed there."""
    if not isinstance(body, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping at the top")
    lists = {key: list(value) for key, value in body.items() if isinstance(value, tuple | frozenset)}
    book: Playbook = read_form(Playbook, {**body, **lists, "version": version}, place)
    if not PLAYBOOK_ID.fullmatch(book.id):
        raise BadConfiguration(f"{place}.id: use letters, digits, dot, dash")
    if not book.title.strip():
        raise BadConfiguration(f"{place}.title: say in a few words what it does")
    _check_tier(book, place)
    if book.reversible and book.undo == NO_UNDO:
        raise BadConfiguration(f"{place}.undo: a playbook that is reversible says how it is undone")
    _check_parameters(book, place)
    for n, question in enumerate(book.diagnosis):
        _check_question(question, f"{place}.diagnosis[{n}]")
    return book


def _check_tier(book: Playbook, place: str) -> None:
    if book.touches and book.tier not in (1, 2, 3):
        raise BadConfiguration(f"{place}.tier: an action has tier 1 (restart), 2 (capacity) or 3 (change)")
    if book.tier not in (1, 2, 3, 4):
        raise BadConfiguration(f"{place}.tier: 1 (restart), 2 (capacity), 3 (change) or 4 (people)")
    if not 1 <= book.approvers <= APPROVERS_MAX:
        raise BadConfiguration(f"{place}.approvers: {book.approvers} is not from 1 to {APPROVERS_MAX}")


def _check_parameters(book: Playbook, place: str) -> None:
    here = f"{place}.parameters"
    if book.parameters and not book.acts:
        raise BadConfiguration(f"{here}: {book.action} takes none; leave them out")
    needed = NEEDED.get(book.action, ())
    if needed and not any(name in book.parameters for name in needed):
        raise BadConfiguration(f"{here}: {book.action} needs {' or '.join(needed)}")
    for name, rule in book.parameters.items():
        if not PARAMETER_NAME.fullmatch(name):
            raise BadConfiguration(f"{here}: {name[:40]!r} is no name; use small letters, digits, underscore")
        _check_rule(rule, f"{here}.{name}")


def _check_rule(rule: ParameterRule, place: str) -> None:
    if (rule.kind is ParameterKind.CHOICE) != bool(rule.choices):
        raise BadConfiguration(f"{place}.choices: the kind choice has some, and no other kind has any")
    if odd := [choice for choice in rule.choices if not PARAMETER_VALUE.fullmatch(choice)]:
        raise BadConfiguration(f"{place}.choices: {odd[0][:40]!r} is not a short plain word")
    spans = rule.minimum != 0 or rule.maximum != 0
    if spans and rule.kind is not ParameterKind.INTEGER:
        raise BadConfiguration(f"{place}: only the kind integer has minimum and maximum")
    if rule.step and rule.kind is not ParameterKind.INTEGER:
        raise BadConfiguration(f"{place}.step: only the kind integer has a step")
    if rule.kind is ParameterKind.INTEGER and (rule.maximum < rule.minimum or not spans):
        raise BadConfiguration(f"{place}: the kind integer needs a maximum that is not below its minimum")


def _check_question(question: Question, place: str) -> None:
    if not question.ask.strip():
        raise BadConfiguration(f"{place}.ask: say what is asked")
    if sum((question.metric is not None, bool(question.log_words), question.changes_s > 0)) != 1:
        raise BadConfiguration(f"{place}: ask exactly one of metric, log_words, changes_s")
    metric = question.metric
    if metric is not None and (metric.kind == "ratio") != bool(metric.divide_by):
        raise BadConfiguration(f"{place}.metric.divide_by: a ratio divides by a metric, and nothing else does")
