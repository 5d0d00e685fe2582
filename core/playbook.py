"""A playbook: for which trouble, which one typed action, how it is verified, and how it is undone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from core.alert import AlertClass
from core.diagnosis import Cause
from core.series import MetricQuery

NO_UNDO = "there is no undo"


class ActionType(StrEnum):
    """What an action is; each type has one actuator and its own limits."""

    DEPLOY_ROLLBACK = "deploy_rollback"
    RESTART_INSTANCE = "restart_instance"
    HTTP = "http"
    SWITCH_ROUTE = "switch_route"
    THROTTLE = "throttle"
    INVOKE_SCRIPT = "invoke_script"
    DOCKER_RESTART = "docker_restart"
    DOCKER_START = "docker_start"
    DOCKER_STOP = "docker_stop"
    DOCKER_UPDATE = "docker_update"
    SSH_COMMAND = "ssh_command"
    ROLLOUT_RESTART = "rollout_restart"
    SCALE = "scale"
    EVICT_POD = "evict_pod"
    SET_RESOURCES = "set_resources"
    ROLLOUT_TO_REVISION = "rollout_to_revision"
    CORDON = "cordon"
    CONFIG_CHANGE = "config_change"
    OPEN_TICKET = "open_ticket"
    ALERT_ONLY = "alert_only"
    WAIT_RETRY = "wait_retry"


class ParameterKind(StrEnum):
    """Where a parameter's value may come from; never from text in telemetry."""

    PREVIOUS_RELEASE = "previous_release"
    SERVICE = "service"
    INSTANCE = "instance"
    CONTAINER = "container"
    HOST = "host"
    WORKLOAD = "workload"
    POD = "pod"
    NODE = "node"
    SETTING = "setting"
    REVISION = "revision"
    CHOICE = "choice"
    INTEGER = "integer"


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """What one parameter may be. With a `step`, that much more than there is now is meant, unless somebody chooses."""

    kind: ParameterKind
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0
    step: int = 0

    @property
    def only(self) -> str | int | None:
        """The one value that it may have at all; None where there are more."""
        if self.kind is ParameterKind.INTEGER:
            return self.minimum if self.minimum == self.maximum else None
        return self.choices[0] if self.kind is ParameterKind.CHOICE and len(self.choices) == 1 else None

    def after(self, current: object) -> int | None:
        """One step from what is there now; None where that is not known, or no step is left."""
        if not self.step or not isinstance(current, int) or isinstance(current, bool):
            return None
        wanted = min(max(current + self.step, self.minimum), self.maximum)
        return wanted if wanted != current else None


@dataclass(frozen=True, slots=True)
class Question:
    """What to look at before acting: a metric (`{service}` in a matcher stands for the service in trouble), lines of
    its log that contain words, or its changes of the last seconds. Exactly one of the three."""

    ask: str
    metric: MetricQuery | None = None
    log_words: str = ""
    changes_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Playbook:
    """One version of a playbook. Durations are seconds; `tier` 1 restart-like, 2 capacity, 3 change, 4 people.

    `verify` says what must be true afterwards; the signals of the service have to show it within `verify_within_s` and
    for `watch_s` more. What is `reversible` can be undone as `undo` says.
    """

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
    undo: str = NO_UNDO
    reversible: bool = False
    verify: str = "the alerts end and the signals of the service are inside their range"
    diagnosis: tuple[Question, ...] = ()
    advice: str = ""

    @property
    def acts(self) -> bool:
        """Does it touch anything at all?"""
        return self.action not in (ActionType.ALERT_ONLY, ActionType.WAIT_RETRY)

    @property
    def touches(self) -> bool:
        """Does it change anything that runs? A ticket does not."""
        return self.acts and self.action is not ActionType.OPEN_TICKET

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
