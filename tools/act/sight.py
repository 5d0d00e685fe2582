"""Looking at a registered thing before anybody is asked about it: who it is, how it stands, and who else changes it.

Every look only reads. What was seen is shown on the card and compared again before the action is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import BadInput, Refused
from core.hand import CONTAINER_ACTIONS, LOOKED_AT, ROLLOUT_ACTIONS, Hand, hand_by_id
from core.intent import Intent
from core.kube_object import AUTOSCALER
from core.playbook import ActionType
from core.site import Site
from tools.act import config_change, docker, kubernetes, ssh_command
from tools.act.actuator import Order, shown

LOOK_S_MAX = 10.0
REHEARSED = frozenset({*ROLLOUT_ACTIONS, ActionType.EVICT_POD, ActionType.CORDON})
HANDS_MAX = 20
BEFORE: Mapping[str, tuple[str, ...]] = {
    ActionType.SCALE: ("replicas",),
    ActionType.ROLLOUT_TO_REVISION: ("revision",),
    ActionType.CONFIG_CHANGE: ("value",),
    ActionType.DOCKER_UPDATE: ("memory_mib", "cpu_millis"),
}
"""The parameters in which these actions can go back to what was seen before."""


@dataclass(frozen=True)
class Sight:
    """What was read: the stable identity, the values as plain JSON, pods by uid, earlier revisions; or why nothing."""

    identity: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict)
    pods: Mapping[str, str] = field(default_factory=dict)
    unready: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    fault: str = ""


Sights = Mapping[str, Sight]
"""What was seen, by the id of the hand."""


async def look_at(site: Site, hands: Iterable[tuple[ActionType, Hand]]) -> Sights:
    """Look at each of them at the same time, at most at 20."""
    wanted = {hand.id: (action, hand) for action, hand in hands if action in LOOKED_AT}
    kept = list(wanted.values())[:HANDS_MAX]
    sights = await asyncio.gather(*(_look(site, action, hand) for action, hand in kept))
    return {hand.id: sight for (_, hand), sight in zip(kept, sights, strict=True)}


async def look_for(site: Site, intent: Intent) -> Sights:
    """Look at the one thing that an intent names, and rehearse the action where its target knows how to."""
    hand = hand_by_id(site, intent.action, intent.endpoint_id)
    if hand is None:
        return {}
    sights = await look_at(site, [(ActionType(intent.action), hand)])
    sight = sights.get(hand.id)
    if sight is None or sight.fault or intent.action not in REHEARSED:
        return sights
    refusal = await kubernetes.rehearse(Order(site, intent, key="rehearsal", timeout_s=LOOK_S_MAX))
    return {hand.id: replace(sight, fault=shown(refusal))} if refusal else sights


async def _look(site: Site, action: ActionType, hand: Hand) -> Sight:
    try:
        async with asyncio.timeout(LOOK_S_MAX):
            return await _LOOKS[action](site, hand)
    except (Refused, BadInput) as error:
        return Sight(fault=shown(error.detail))
    except TimeoutError:
        return Sight(fault=f"no answer within {LOOK_S_MAX:.0f} s")


def target_fault(site: Site, intent: Intent, sights: Sights) -> str:
    """Why this action cannot be meant as things stand now; empty where nothing speaks against it."""
    hand = hand_by_id(site, intent.action, intent.endpoint_id)
    if hand is None:
        return ""
    if intent.action == ActionType.SSH_COMMAND:
        return ssh_command.fault(site, intent)
    if intent.action not in LOOKED_AT:
        return ""
    sight = sights.get(hand.id, Sight(fault="nobody looked at it"))
    if sight.fault:
        return f"{hand.id}: {sight.fault}"
    return (
        _moved(hand, intent, sight)
        or _idle(hand, intent, sight)
        or _held(hand, intent, sight)
        or _outside(site, hand, intent)
    )


def identity_of(action: str, parameters: Mapping[str, Any], sight: Sight) -> str:
    """The stable identity of what an action is about: of the pod where it is about one."""
    if action != ActionType.EVICT_POD:
        return sight.identity
    uid = sight.pods.get(str(parameters.get("pod", "")), "")
    return f"uid:{uid}" if uid else ""


def before(action: str, parameters: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    """The parameters with which the same action would go back; empty where there is no such way."""
    names = [name for name in BEFORE.get(action, ()) if name in parameters]
    return {name: _word(sight.seen[name]) for name in names if sight.seen.get(name) not in (None, 0, "")}


def _moved(hand: Hand, intent: Intent, sight: Sight) -> str:
    """Another object under the same name, or another value than the one that was shown."""
    identity = identity_of(intent.action, intent.parameters, sight)
    if not identity or identity != intent.target_identity:
        return f"{hand.id} is not what was shown: {identity or 'gone'} by now, {intent.target_identity or 'none'} then"
    then = intent.observed.get("seen")
    for name in BEFORE.get(intent.action, ()):
        if isinstance(then, Mapping) and then.get(name) != sight.seen.get(name):
            return f"{name} of {hand.id} is {sight.seen.get(name)} by now, not {then.get(name)} as it was shown"
    return ""


def _idle(hand: Hand, intent: Intent, sight: Sight) -> str:
    given = {name: intent.parameters[name] for name in BEFORE.get(intent.action, ()) if name in intent.parameters}
    if not given or any(_word(value) != _word(sight.seen.get(name)) for name, value in given.items()):
        return ""
    return f"{', '.join(f'{name} of {hand.id} is {value}' for name, value in given.items())} already"


def _word(value: object) -> object:
    """A boolean as the word that a parameter takes."""
    return str(value).lower() if isinstance(value, bool) else value


def _held(hand: Hand, intent: Intent, sight: Sight) -> str:
    """Somebody else's hand is on it, and would take the change back at once, or it would do nothing."""
    owners = sight.seen.get("owners") or []
    if intent.action == ActionType.SCALE and (scaler := next((o for o in owners if o.startswith(AUTOSCALER)), None)):
        return f"{hand.id} is scaled by {scaler}: it would take the change back, so change its bounds instead"
    if intent.action in ROLLOUT_ACTIONS - {ActionType.SCALE} and sight.seen.get("paused"):
        return f"the rollout of {hand.id} is paused: nothing would happen"
    return ""


def _outside(site: Site, hand: Hand, intent: Intent) -> str:
    """A value beyond what is registered for the thing itself, whatever the playbook allows."""
    values = intent.parameters
    try:
        if intent.action == ActionType.SCALE:
            kubernetes.check_scale(site, hand, values.get("replicas"))
        elif intent.action == ActionType.DOCKER_UPDATE:
            docker.check_limits(site, hand, values)
        elif intent.action == ActionType.CONFIG_CHANGE:
            config_change.setting_of(site, hand).value(values.get("value"))
    except (BadInput, Refused) as error:
        return f"{hand.id}: {error.detail}"
    return ""


async def _workload(site: Site, hand: Hand) -> Sight:
    found = await kubernetes.look_at_workload(site, hand)
    return Sight(found.identity, found.seen, found.pods, found.unready, found.revisions)


async def _node(site: Site, hand: Hand) -> Sight:
    identity, seen = await kubernetes.look_at_node(site, hand)
    return Sight(identity, seen)


async def _container(site: Site, hand: Hand) -> Sight:
    identity, seen = await docker.look(site, hand)
    return Sight(identity, seen)


async def _setting(site: Site, hand: Hand) -> Sight:
    setting = config_change.setting_of(site, hand)
    value = await config_change.read_value(setting)
    return Sight(hand.resource_id, {"value": value})


_LOOKS: Mapping[ActionType, Callable[[Site, Hand], Awaitable[Sight]]] = {
    **dict.fromkeys(sorted(ROLLOUT_ACTIONS), _workload),
    ActionType.EVICT_POD: _workload,
    ActionType.CORDON: _node,
    **dict.fromkeys(sorted(CONTAINER_ACTIONS), _container),
    ActionType.CONFIG_CHANGE: _setting,
}
