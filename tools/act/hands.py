"""Every type of action and its actuator, in one list; the only door to an effect.

What no code may forget is asked here once more: the thing is registered, and neither it nor its service is protected.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from core.hand import CONTAINER_ACTIONS, HTTP_ACTIONS, LOOKED_AT, ROLLOUT_ACTIONS, hand_by_id, protected_by
from core.playbook import ActionType
from tools.act import config_change, docker, http, kubernetes, open_ticket, ssh_command
from tools.act.actuator import Answer, Order, Probe, refused


@dataclass(frozen=True)
class Actuator:
    """`act` is called at most once for a key; `probe` only reads."""

    act: Callable[[Order], Awaitable[Answer]]
    probe: Callable[[Order], Awaitable[tuple[Probe, str]]]


_HTTP = Actuator(http.act, http.probe_order)
_KUBERNETES = Actuator(kubernetes.act, kubernetes.probe)
ACTUATORS: Mapping[ActionType, Actuator] = {
    **dict.fromkeys(sorted(HTTP_ACTIONS), _HTTP),
    **dict.fromkeys(sorted(CONTAINER_ACTIONS), Actuator(docker.act, docker.probe)),
    ActionType.SSH_COMMAND: Actuator(ssh_command.act, ssh_command.probe),
    **dict.fromkeys(sorted(ROLLOUT_ACTIONS), _KUBERNETES),
    ActionType.EVICT_POD: _KUBERNETES,
    ActionType.CORDON: _KUBERNETES,
    ActionType.CONFIG_CHANGE: Actuator(config_change.act, config_change.probe),
    ActionType.OPEN_TICKET: Actuator(open_ticket.act, open_ticket.probe),
}


async def act(order: Order) -> Answer:
    """Do what was approved, once. Whatever is not done for certain and not refused for certain is `unknown`."""
    intent, site = order.intent, order.site
    hand = hand_by_id(site, intent.action, intent.endpoint_id)
    if hand is None:
        return refused(f"{intent.endpoint_id or intent.action} is not registered")
    places = (intent.resource_id, hand.resource_id, site.resource(hand.service) if hand.service else "")
    if intent.action != ActionType.OPEN_TICKET and (glob := protected_by(site, places)):
        return refused(f"{intent.resource_id} is protected (matches {glob})")
    if intent.action in LOOKED_AT and not order.seen:
        return refused(f"nobody has looked at {intent.resource_id} before it was proposed")
    return await ACTUATORS[ActionType(intent.action)].act(order)


async def probe(order: Order) -> tuple[Probe, str]:
    """Look, without changing anything, whether it happened."""
    if hand_by_id(order.site, order.intent.action, order.intent.endpoint_id) is None:
        return Probe.CANNOT_TELL, f"{order.intent.endpoint_id or order.intent.action} is not registered any more"
    return await ACTUATORS[ActionType(order.intent.action)].probe(order)
