"""The container actuator: one change of one container, through the Engine API's socket or by `docker` by ssh.

The container is named by its id, which was read when the action was proposed: one that was made anew since then is
another one. Whether the change happened is read from the daemon's events, which tell a restart that was asked for from
a crash; a start time does not.
"""

from collections.abc import Mapping
from typing import Any

from core.container import IDENTITY, Limits, container_id, limits_of, seen_of
from core.errors import BadInput, Refused
from core.hand import Hand, hand_by_id
from core.machine import Container, ContainerEngine
from core.playbook import ActionType
from core.site import Site
from tools.act.actuator import Answer, Order, Probe, refused
from tools.act.daemon import open_daemon, seconds_of

MARGIN_S = 1.0
EVENTS_KEPT = 256
"""A daemon remembers its last 256 events; where that many came since, an earlier one may be forgotten."""
VERBS: Mapping[str, str] = {
    ActionType.DOCKER_RESTART: "restart",
    ActionType.DOCKER_START: "start",
    ActionType.DOCKER_STOP: "stop",
    ActionType.DOCKER_UPDATE: "update",
}
"""What the action is called by the daemon: in its API, on its command line, and in its events."""


async def act(order: Order) -> Answer:
    """Change the container, if it is still the one that was meant."""
    try:
        engine, container, hand = _target(order.site, order.intent.action, order.intent.endpoint_id)
        daemon = open_daemon(order.site, engine)
        found = await daemon.look(hand.name)
        meant, verb = order.intent.target_identity, VERBS[order.intent.action]
        if meant != IDENTITY + container_id(found):
            return refused(f"{hand.name} is another container by now than the one that was meant ({meant})")
        limits = limits_of(container, found, order.intent.parameters) if verb == "update" else Limits()
    except (Refused, BadInput) as error:
        return refused(error.detail)
    return await daemon.change(
        verb, container_id(found), limits=limits, stop_s=engine.stop_s_max, timeout_s=order.timeout_s
    )


async def probe(order: Order) -> tuple[Probe, str]:
    """Read from the daemon's events whether somebody had this done to the container since the action."""
    try:
        engine, _container, hand = _target(order.site, order.intent.action, order.intent.endpoint_id)
        daemon = open_daemon(order.site, engine)
        at = await daemon.clock()
        since = at - order.age_s - MARGIN_S
        found = await daemon.look(hand.name)
        events = await daemon.events(since, at)
    except Refused as error:
        return Probe.CANNOT_TELL, f"the daemon did not answer: {error.detail}"
    return judge(VERBS[order.intent.action], order.intent.target_identity, found, events, since)


async def look(site: Site, hand: Hand) -> tuple[str, dict[str, Any]]:
    """The identity of a container and how it stands. Raises Refused where the daemon does not tell."""
    engine, _container, _hand = _target(site, ActionType.DOCKER_RESTART, hand.id)
    found = await open_daemon(site, engine).look(hand.name)
    if not container_id(found):
        raise Refused(f"the daemon tells no id of {hand.name}", "not_understood")
    return IDENTITY + container_id(found), seen_of(found)


def check_limits(site: Site, hand: Hand, values: Mapping[str, object]) -> None:
    """Raise BadInput for limits that are not registered for the container."""
    _engine, container, _hand = _target(site, ActionType.DOCKER_UPDATE, hand.id)
    limits_of(container, {}, values)


def judge(
    verb: str, identity: str, found: Mapping[str, Any], events: list[Mapping[str, Any]], since: float
) -> tuple[Probe, str]:
    """What the events say. A stop that was asked for without its end is under way; a start without an event is odd."""
    meant = identity.removeprefix(IDENTITY)
    words = [str(e.get("Action", "")) for e in events if _actor(e) == meant and e.get("Type") == "container"]
    if verb in words:
        return Probe.SAW_EFFECT, f"the daemon's events tell of its {verb}"
    if verb in ("restart", "stop") and ("kill" in words or "stop" in words):
        return Probe.RUNNING, f"the daemon was asked to stop it, and tells of no {verb} yet"
    if len(events) >= EVENTS_KEPT:
        return Probe.CANNOT_TELL, f"the daemon keeps {EVENTS_KEPT} events, and that many came since"
    if container_id(found) == meant and "start" not in words and _started(found) > since:
        return (
            Probe.CANNOT_TELL,
            "it started since, but the daemon has no event of that: it may have been restarted itself",
        )
    return Probe.NO_EFFECT, f"the daemon's events tell of no {verb}"


def _target(site: Site, action: str, hand_id: str) -> tuple[ContainerEngine, Container, Hand]:
    hand = hand_by_id(site, action, hand_id)
    for engine in site.engines if hand else ():
        for container in engine.containers:
            if hand and hand.id == f"docker:{engine.id}/{container.name}":
                return engine, container, hand
    raise Refused(f"the container {hand_id} is not registered any more", "not_registered")


def _actor(event: Mapping[str, Any]) -> str:
    actor = event.get("Actor")
    return str(actor.get("ID", "")) if isinstance(actor, Mapping) else ""


def _started(found: Mapping[str, Any]) -> float:
    state = found.get("State")
    return seconds_of(str(state.get("StartedAt", ""))) if isinstance(state, Mapping) else 0.0
