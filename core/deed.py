"""An action in one line of plain words, and how far it reaches: for the card, and written by code alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.intent import Intent
from core.playbook import ActionType


@dataclass(frozen=True, slots=True)
class Deed:
    """`does` is what will happen, `reach` the most that it can touch."""

    does: str
    reach: str


def deed_of(intent: Intent) -> Deed:
    """In words. An action that nobody described is named as it is, and may reach anything."""
    words = _WORDS.get(intent.action)
    return words(intent) if words else Deed(f"{intent.action} on {intent.resource_id}", "unknown")


def _seen(intent: Intent) -> Mapping[str, Any]:
    seen = intent.observed.get("seen")
    return seen if isinstance(seen, Mapping) else {}


def _pods(intent: Intent) -> str:
    return f"all {_seen(intent).get('pods', 'its')} pods of {intent.resource_id}"


def _value(intent: Intent, name: str) -> str:
    return str(intent.parameters.get(name, "?"))


def _limits(intent: Intent) -> str:
    parts = [("memory_mib", "MiB of memory"), ("cpu_millis", "thousandths of a core")]
    return " and ".join(f"{intent.parameters[name]} {unit}" for name, unit in parts if name in intent.parameters)


def _restart_rollout(intent: Intent) -> Deed:
    return Deed(f"replace the pods of {intent.resource_id} by new ones, as its rollout allows", _pods(intent))


def _scale(intent: Intent) -> Deed:
    now = _seen(intent).get("replicas", "?")
    return Deed(
        f"run {_value(intent, 'replicas')} pods of {intent.resource_id} in place of {now}",
        f"the number of pods of {intent.resource_id}",
    )


def _evict(intent: Intent) -> Deed:
    return Deed(
        f"evict the pod {_value(intent, 'pod')}, as far as its disruption budget allows",
        f"one of {_seen(intent).get('pods', 'the')} pods of {intent.resource_id}",
    )


def _set_resources(intent: Intent) -> Deed:
    container = intent.parameters.get("container") or "the container"
    return Deed(f"set the limits and requests of {container} to {_limits(intent) or 'nothing'}", _pods(intent))


def _revision(intent: Intent) -> Deed:
    now = _seen(intent).get("revision", "?")
    return Deed(f"go to revision {_value(intent, 'revision')}; revision {now} runs now", _pods(intent))


def _cordon(intent: Intent) -> Deed:
    return Deed(f"let no new pods onto {intent.resource_id}", "new pods on that node; running ones stay")


def _container(intent: Intent) -> Deed:
    verb = intent.action.removeprefix("docker_")
    does = f"{verb} the container {intent.resource_id}"
    if intent.action == ActionType.DOCKER_UPDATE:
        does = f"set the limits of the container {intent.resource_id} to {_limits(intent) or 'nothing'}"
    return Deed(does, "one container, and whoever is connected to it")


def _command(intent: Intent) -> Deed:
    line = str(intent.observed.get("line") or f"the command {_value(intent, 'command')}")
    return Deed(f"run on {intent.resource_id}: {line}", f"whatever the account may do on {intent.resource_id}")


def _setting(intent: Intent) -> Deed:
    now = _seen(intent).get("value", "?")
    return Deed(
        f"set {intent.endpoint_id.removeprefix('setting:')} to {_value(intent, 'value')} in place of {now}",
        "everything that reads this setting",
    )


def _ticket(intent: Intent) -> Deed:
    return Deed(f"open a ticket in {intent.endpoint_id.removeprefix('tracker:')}", "nothing that runs")


def _rollback(intent: Intent) -> Deed:
    now = intent.observed.get("release") or "the release of today"
    version = next((str(value) for name, value in intent.parameters.items() if name.startswith("to")), "the one before")
    return Deed(
        f"deploy {version} again in place of {now}",
        f"all instances of {intent.resource_id}",
    )


def _restart_instance(intent: Intent) -> Deed:
    return Deed(f"restart {intent.resource_id}", f"one instance: {intent.resource_id}")


def _call(intent: Intent) -> Deed:
    return Deed(f"call the registered endpoint {intent.endpoint_id} ({intent.action})", f"{intent.resource_id}")


_WORDS: Mapping[str, Callable[[Intent], Deed]] = {
    ActionType.ROLLOUT_RESTART: _restart_rollout,
    ActionType.SCALE: _scale,
    ActionType.EVICT_POD: _evict,
    ActionType.SET_RESOURCES: _set_resources,
    ActionType.ROLLOUT_TO_REVISION: _revision,
    ActionType.CORDON: _cordon,
    ActionType.DOCKER_RESTART: _container,
    ActionType.DOCKER_START: _container,
    ActionType.DOCKER_STOP: _container,
    ActionType.DOCKER_UPDATE: _container,
    ActionType.SSH_COMMAND: _command,
    ActionType.CONFIG_CHANGE: _setting,
    ActionType.OPEN_TICKET: _ticket,
    ActionType.DEPLOY_ROLLBACK: _rollback,
    ActionType.RESTART_INSTANCE: _restart_instance,
    ActionType.HTTP: _call,
    ActionType.SWITCH_ROUTE: _call,
    ActionType.THROTTLE: _call,
    ActionType.INVOKE_SCRIPT: _call,
    ActionType.ALERT_ONLY: lambda _: Deed("tell a human, and touch nothing", "nothing that runs"),
    ActionType.WAIT_RETRY: lambda _: Deed("look again later, and touch nothing", "nothing that runs"),
}
