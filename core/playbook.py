"""A playbook: for which trouble, which one typed action, how it is verified, and how it is undone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from core.alert import AlertClass
from core.diagnosis import Cause


class ActionType(StrEnum):
    """What an action is; each type has one actuator and its own limits."""

    DEPLOY_ROLLBACK = "deploy_rollback"
    RESTART_INSTANCE = "restart_instance"
    HTTP = "http"
    ALERT_ONLY = "alert_only"
    WAIT_RETRY = "wait_retry"


class ParameterKind(StrEnum):
    """Where a parameter's value may come from; never from text in telemetry."""

    PREVIOUS_RELEASE = "previous_release"
    SERVICE = "service"
    INSTANCE = "instance"
    CHOICE = "choice"
    INTEGER = "integer"


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """What one parameter may be."""

    kind: ParameterKind
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0


@dataclass(frozen=True, slots=True)
class Playbook:
    """One version of a playbook. Durations are seconds; `tier` 1 restart-like, 2 capacity, 3 change, 4 people."""

    id: str
    version: int
    title: str
    action: ActionType
    classes: frozenset[AlertClass] = frozenset()
    alert_names: tuple[str, ...] = ("*",)
    causes: frozenset[Cause] = frozenset()
    parameters: Mapping[str, ParameterRule] = field(default_factory=dict)
    tier: int = 3
    approvers: int = 1
    destructive: bool = False
    dry_run: bool = False
    cooldown_s: float = 600.0
    retries_max: int = 2
    verify_within_s: float = 300.0
    watch_s: float = 900.0
    action_s_max: float = 60.0
    undo: str = "there is no undo"
    advice: str = ""

    @property
    def acts(self) -> bool:
        """Does it touch anything at all?"""
        return self.action not in (ActionType.ALERT_ONLY, ActionType.WAIT_RETRY)

    def fits(self, alert_class: AlertClass, alert_name: str) -> bool:
        """Is it written for this kind of trouble?"""
        return (not self.classes or alert_class in self.classes) and any(
            fnmatchcase(alert_name, pattern) for pattern in self.alert_names
        )


PARAMETER_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}")


def parameter_fault(name: str, value: object, rule: ParameterRule, allowed: Mapping[str, frozenset[str]]) -> str:
    """Say what is wrong with a parameter's value, or return an empty string.

    `allowed` gives, for each kind that is read from the inventory, the values that the rule core tied to this incident.
    """
    if rule.kind is ParameterKind.INTEGER:
        good = isinstance(value, int) and not isinstance(value, bool) and rule.minimum <= value <= rule.maximum
        return "" if good else f"{name} must be a whole number from {rule.minimum} to {rule.maximum}"
    if not isinstance(value, str) or not PARAMETER_VALUE.fullmatch(value):
        return f"{name} must be a short plain word"
    values = frozenset(rule.choices) if rule.kind is ParameterKind.CHOICE else allowed.get(rule.kind, frozenset())
    return "" if value in values else f"{name} must be one of: {', '.join(sorted(values)) or 'nothing is known here'}"
