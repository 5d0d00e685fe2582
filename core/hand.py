"""A hand: one registered thing that one type of action may touch, and the id by which an intent names it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from core.playbook import ActionType, ParameterKind
from core.site import Site

HTTP_ACTIONS = frozenset(
    {
        ActionType.HTTP,
        ActionType.SWITCH_ROUTE,
        ActionType.THROTTLE,
        ActionType.INVOKE_SCRIPT,
        ActionType.RESTART_INSTANCE,
        ActionType.DEPLOY_ROLLBACK,
    }
)
ROLLOUT_ACTIONS = frozenset(
    {ActionType.ROLLOUT_RESTART, ActionType.SCALE, ActionType.SET_RESOURCES, ActionType.ROLLOUT_TO_REVISION}
)
CONTAINER_ACTIONS = frozenset(
    {ActionType.DOCKER_RESTART, ActionType.DOCKER_START, ActionType.DOCKER_STOP, ActionType.DOCKER_UPDATE}
)
LOOKED_AT = frozenset(
    {*ROLLOUT_ACTIONS, ActionType.EVICT_POD, ActionType.CORDON, *CONTAINER_ACTIONS, ActionType.CONFIG_CHANGE}
)
"""What acts only on something whose identity or value was read beforehand."""


@dataclass(frozen=True, slots=True)
class Hand:
    """`id` is what an intent calls it, `name` what a parameter calls it; an empty `service` stands for every one."""

    id: str
    name: str
    service: str
    resource_id: str


def hands_of(site: Site, action: ActionType) -> list[Hand]:
    """Everything registered that an action type may touch."""
    found = list(_LISTS[action](site)) if action in _LISTS else []
    return [Hand(e.id, e.id, e.service, "") for e in site.endpoints if e.action is action] + found


def hand_for(site: Site, action: ActionType, service: str, parameters: Mapping[str, object]) -> Hand | None:
    """The one thing that is meant: by the parameter that names it, else the only one of the service."""
    mine = [hand for hand in hands_of(site, action) if hand.service in (service, "")]
    if action in HTTP_ACTIONS:
        return mine[0] if mine else None
    named = parameters.get(NAMED_BY.get(action, ""))
    if named is not None and action is not ActionType.EVICT_POD:
        mine = [hand for hand in mine if hand.name == named]
    workload = parameters.get(ParameterKind.WORKLOAD)
    if action is ActionType.EVICT_POD and workload is not None:
        mine = [hand for hand in mine if hand.name == workload]
    return mine[0] if len(mine) == 1 or (mine and action is ActionType.OPEN_TICKET) else None


def hand_by_id(site: Site, action: str, hand_id: str) -> Hand | None:
    """The registered thing with this id, if this type of action may touch it."""
    try:
        kind = ActionType(action)
    except ValueError:
        return None
    return next((hand for hand in hands_of(site, kind) if hand.id == hand_id), None)


def protected_by(site: Site, resources: Iterator[str] | tuple[str, ...]) -> str:
    """The glob of the policy that protects one of these resources, or an empty string."""
    names = [name.lower() for name in resources]
    globs = site.policy.protected
    return next((glob for glob in globs if any(fnmatchcase(name, glob.lower()) for name in names)), "")


def _containers(site: Site) -> Iterator[Hand]:
    for engine in site.engines:
        for container in engine.containers:
            place = f"docker:{engine.id}/{container.name}"
            yield Hand(place, container.name, container.service, place)


def _hosts(site: Site) -> Iterator[Hand]:
    for host in site.hosts:
        for service in host.services:
            yield Hand(f"host:{host.id}", host.id, service, f"host:{host.id}")


def _workloads(site: Site) -> Iterator[Hand]:
    for cluster in site.clusters:
        for workload in cluster.workloads:
            place = workload.resource_id(cluster.id)
            yield Hand(place, workload.name, workload.service, place)


def _nodes(site: Site) -> Iterator[Hand]:
    for cluster in site.clusters:
        for node in cluster.nodes:
            place = cluster.node_resource(node.name)
            yield Hand(place, node.name, node.service, place)


def _settings(site: Site) -> Iterator[Hand]:
    for setting in site.settings:
        yield Hand(f"setting:{setting.id}", setting.id, setting.service, f"setting:{site.environment}/{setting.id}")


def _trackers(site: Site) -> Iterator[Hand]:
    for tracker in site.trackers:
        for service in tracker.services or ("",):
            yield Hand(f"tracker:{tracker.id}", tracker.id, service, "")


_LISTS: Mapping[ActionType, Callable[[Site], Iterator[Hand]]] = {
    **dict.fromkeys(sorted(CONTAINER_ACTIONS), _containers),
    ActionType.SSH_COMMAND: _hosts,
    **dict.fromkeys(sorted(ROLLOUT_ACTIONS), _workloads),
    ActionType.EVICT_POD: _workloads,
    ActionType.CORDON: _nodes,
    ActionType.CONFIG_CHANGE: _settings,
    ActionType.OPEN_TICKET: _trackers,
}
NAMED_BY: Mapping[ActionType, ParameterKind] = {
    **dict.fromkeys(sorted(CONTAINER_ACTIONS), ParameterKind.CONTAINER),
    ActionType.SSH_COMMAND: ParameterKind.HOST,
    **dict.fromkeys(sorted(ROLLOUT_ACTIONS), ParameterKind.WORKLOAD),
    ActionType.EVICT_POD: ParameterKind.POD,
    ActionType.CORDON: ParameterKind.NODE,
    ActionType.CONFIG_CHANGE: ParameterKind.SETTING,
}
