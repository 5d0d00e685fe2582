"""The Kubernetes actuator: one change of one registered object, bound to its uid and its version, marked with our key.

The mark (an annotation) is written by the same request as the change, so that reading it later tells whether the
request arrived.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.cluster import Cluster, Workload, WorkloadKind
from core.errors import BadInput, Refused
from core.hand import Hand, hand_by_id
from core.kube_object import (
    EXECUTION,
    PLURAL,
    Object,
    eviction,
    identity,
    is_name,
    is_ready,
    limits_seen,
    listed,
    marked,
    owned_by,
    owners,
    part,
    resources_patch,
    restart_patch,
    revision_of,
    revision_patch,
    scale_patch,
    uid_of,
)
from core.playbook import ActionType
from core.site import Site
from tools.act.actuator import Answer, Effect, Order, Probe, refused
from tools.act.kube_api import JSON, JSON_PATCH, MERGE, STRATEGIC, Change, KubeApi

PODS_MAX = 200
EVICTED = "EvictionByEvictionAPI"


@dataclass(frozen=True)
class WorkloadSeen:
    """What was read of a workload: `seen` is plain JSON, `pods` are uids by name, `revisions` the earlier ones."""

    identity: str
    seen: dict[str, Any]
    pods: dict[str, str]
    unready: tuple[str, ...]
    revisions: tuple[str, ...]


async def act(order: Order) -> Answer:
    """Read the object, see that it is the one that was meant, and change it once."""
    try:
        cluster, hand = _target(order)
        change = await _CHANGES[ActionType(order.intent.action)](order, cluster, hand)
    except (Refused, BadInput) as error:
        return refused(error.detail)
    return await KubeApi(cluster).send(change, timeout_s=order.timeout_s)


async def rehearse(order: Order) -> str:
    """Why the cluster would refuse it, by a dry run that changes nothing; empty where it would not, or cannot tell."""
    try:
        cluster, hand = _target(order)
        change = await _CHANGES[ActionType(order.intent.action)](order, cluster, hand)
    except (Refused, BadInput) as error:
        return error.detail
    answer = await KubeApi(cluster).send(change, timeout_s=order.timeout_s, dry=True)
    # A 400 may only mean that a webhook of the cluster takes no dry runs.
    refusal = answer.effect is Effect.REFUSED and not answer.detail.startswith("400 ")
    return f"a dry run is refused: {answer.detail}" if refusal else ""


async def probe(order: Order) -> tuple[Probe, str]:
    """Does the object carry our mark?"""
    try:
        cluster, hand = _target(order)
        if order.intent.action == ActionType.EVICT_POD:
            return await _probe_pod(order, cluster, hand)
        found = await KubeApi(cluster).read(_path(cluster, hand))
    except Refused as error:
        return Probe.CANNOT_TELL, error.detail
    if identity(found) != order.intent.target_identity:
        return Probe.CANNOT_TELL, f"{hand.name} was made anew since then"
    mark = part(found, "metadata", "annotations").get(EXECUTION, "")
    if mark == order.key:
        return Probe.SAW_EFFECT, f"{hand.name} carries the mark of this execution"
    return Probe.NO_EFFECT, f"{hand.name} carries no mark of this execution"


async def look_at_workload(site: Site, hand: Hand) -> WorkloadSeen:
    """A workload with its pods, its revisions and whoever else changes it. Raises Refused without an answer."""
    cluster = _cluster(site, hand)
    workload = _workload(cluster, hand)
    found = await KubeApi(cluster).read(workload_path(workload))
    revisions = await find_revisions(cluster, workload, found)
    pods = await find_pods(cluster, workload, found, revisions)
    scalers = f"/apis/autoscaling/v2/namespaces/{workload.namespace}/horizontalpodautoscalers"
    autoscalers = listed(await KubeApi(cluster).read(scalers), "items")
    current = revision_of(found)
    seen = {
        "replicas": part(found, "spec").get("replicas"),
        "ready": sum(map(is_ready, pods)),
        "pods": len(pods),
        "revision": current or None,
        "paused": bool(part(found, "spec").get("paused")),
        "limits": limits_seen(found),
        "owners": owners(found, autoscalers),
    }
    kept = sorted({revision_of(r) for r in revisions} - {"", current}, key=_number, reverse=True)
    names = {str(part(pod, "metadata").get("name")): uid_of(pod) for pod in pods}
    unready = tuple(str(part(pod, "metadata").get("name")) for pod in pods if not is_ready(pod))
    return WorkloadSeen(identity(found), seen, names, unready, tuple(kept))


def check_scale(site: Site, hand: Hand, replicas: object) -> None:
    """Raise BadInput for a number of pods that is not registered for the workload."""
    scale_patch({}, "", _workload(_cluster(site, hand), hand), replicas)


async def look_at_node(site: Site, hand: Hand) -> tuple[str, dict[str, Any]]:
    """The identity of a node, and whether it takes new pods. Raises Refused without an answer."""
    found = await KubeApi(_cluster(site, hand)).read(node_path(hand.name))
    return identity(found), {"unschedulable": bool(part(found, "spec").get("unschedulable"))}


async def find_pods(cluster: Cluster, workload: Workload, found: Object, revisions: list[Object]) -> list[Object]:
    """The pods of a workload, by its selector and then by who controls them."""
    api = KubeApi(cluster)
    labels = part(found, "spec", "selector", "matchLabels")
    query = {"labelSelector": ",".join(f"{k}={v}" for k, v in sorted(labels.items())), "limit": str(PODS_MAX)}
    base = f"/api/v1/namespaces/{workload.namespace}/pods"
    pods = listed(await api.read(base, query), "items")
    parents = {uid_of(found)}
    if workload.kind is WorkloadKind.DEPLOYMENT:
        parents = {uid_of(child) for child in revisions}
    return [pod for pod in pods if any(owned_by(pod, uid) for uid in parents)]


async def find_revisions(cluster: Cluster, workload: Workload, found: Object) -> list[Object]:
    """The replica sets of a deployment: its revisions. Other kinds have none."""
    if workload.kind is not WorkloadKind.DEPLOYMENT:
        return []
    path = f"/apis/apps/v1/namespaces/{workload.namespace}/replicasets"
    labels = part(found, "spec", "selector", "matchLabels")
    query = {"labelSelector": ",".join(f"{k}={v}" for k, v in sorted(labels.items()))}
    return [
        child for child in listed(await KubeApi(cluster).read(path, query), "items") if owned_by(child, uid_of(found))
    ]


def workload_path(workload: Workload) -> str:
    """The address of a workload in its API."""
    return f"/apis/apps/v1/namespaces/{workload.namespace}/{PLURAL[workload.kind]}/{workload.name}"


def node_path(name: str) -> str:
    """The address of a node in its API."""
    return f"/api/v1/nodes/{name}"


async def _rollout(order: Order, cluster: Cluster, hand: Hand) -> Change:
    workload = _workload(cluster, hand)
    found = await _meant(order, cluster, workload_path(workload))
    values, key = order.intent.parameters, order.key
    kind = STRATEGIC
    body: Any
    if order.intent.action == ActionType.ROLLOUT_RESTART:
        body = restart_patch(found, key, datetime.now(UTC).isoformat(timespec="seconds"))
    elif order.intent.action == ActionType.SCALE:
        _unchanged(order, "replicas", part(found, "spec").get("replicas"))
        body = scale_patch(found, key, workload, values.get("replicas"))
    elif order.intent.action == ActionType.SET_RESOURCES:
        body = resources_patch(found, key, workload, values)
    else:
        body, kind = await _revision(order, cluster, workload, found), JSON_PATCH
    return Change("PATCH", workload_path(workload), body, kind)


async def _revision(order: Order, cluster: Cluster, workload: Workload, found: Object) -> Any:
    if workload.kind is not WorkloadKind.DEPLOYMENT:
        raise BadInput("only a deployment keeps its revisions")
    wanted = order.text("revision")
    _unchanged(order, "revision", revision_of(found))
    if wanted == revision_of(found):
        raise Refused(f"revision {wanted} runs already", "nothing_to_do")
    revisions = await find_revisions(cluster, workload, found)
    earlier = next((child for child in revisions if revision_of(child) == wanted), None)
    if earlier is None:
        raise Refused(f"{workload.name} keeps no revision {wanted}", "absent")
    return revision_patch(found, order.key, earlier)


async def _cordon(order: Order, cluster: Cluster, hand: Hand) -> Change:
    found = await _meant(order, cluster, node_path(hand.name))
    body = {"metadata": marked(found, order.key), "spec": {"unschedulable": True}}
    return Change("PATCH", node_path(hand.name), body, MERGE)


async def _evict(order: Order, cluster: Cluster, hand: Hand) -> Change:
    workload, name = _workload(cluster, hand), order.text("pod")
    if not is_name(name):
        raise BadInput("pod must be the name of a pod")
    path = f"/api/v1/namespaces/{workload.namespace}/pods/{name}"
    pod = await _meant(order, cluster, path)
    found = await KubeApi(cluster).read(workload_path(workload))
    revisions = await find_revisions(cluster, workload, found)
    if not any(uid_of(mine) == uid_of(pod) for mine in await find_pods(cluster, workload, found, revisions)):
        raise Refused(f"the pod {name} is none of {workload.name}", "not_registered")
    return Change("POST", f"{path}/eviction", eviction(pod), JSON)


async def _probe_pod(order: Order, cluster: Cluster, hand: Hand) -> tuple[Probe, str]:
    workload, name = _workload(cluster, hand), order.text("pod")
    if not is_name(name):
        return Probe.CANNOT_TELL, "no pod is called so"
    try:
        pod = await KubeApi(cluster).read(f"/api/v1/namespaces/{workload.namespace}/pods/{name}")
    except Refused as error:
        if error.reason == "absent":
            return Probe.CANNOT_TELL, f"the pod {name} is gone, and nothing is left that says by whom"
        raise
    if identity(pod) != order.intent.target_identity:
        return Probe.CANNOT_TELL, f"the pod {name} was made anew, and nothing is left that says why"
    conditions = listed(part(pod, "status"), "conditions")
    if any(c.get("reason") == EVICTED and c.get("status") == "True" for c in conditions):
        return Probe.SAW_EFFECT, f"the pod {name} says that it was evicted"
    if part(pod, "metadata").get("deletionTimestamp"):
        return Probe.CANNOT_TELL, f"the pod {name} is being deleted, and does not say why"
    return Probe.NO_EFFECT, f"the pod {name} is still there and was not evicted"


async def _meant(order: Order, cluster: Cluster, path: str) -> Object:
    """The object, if it is the one that was meant."""
    found = await KubeApi(cluster).read(path)
    if not uid_of(found) or identity(found) != order.intent.target_identity:
        meant = order.intent.target_identity
        raise Refused(f"{path} is another object by now ({identity(found)}) than the one that was meant ({meant})")
    if part(found, "metadata").get("deletionTimestamp"):
        raise Refused(f"{path} is being deleted")
    return found


def _unchanged(order: Order, name: str, current: object) -> None:
    """What the old value was is what a rollback goes back to: it has to be the one that was shown."""
    if name in order.seen and order.seen[name] != current:
        raise Refused(f"{name} is {current} by now, not {order.seen[name]} as it was shown", "changed")


def _target(order: Order) -> tuple[Cluster, Hand]:
    hand = hand_by_id(order.site, order.intent.action, order.intent.endpoint_id)
    if hand is None:
        raise Refused(f"{order.intent.endpoint_id} is not registered any more", "not_registered")
    return _cluster(order.site, hand), hand


def _cluster(site: Site, hand: Hand) -> Cluster:
    cluster = next((c for c in site.clusters if hand.id.startswith(f"k8s:{c.id}/")), None)
    if cluster is None:
        raise Refused(f"the cluster of {hand.id} is not registered any more", "not_registered")
    return cluster


def _number(revision: str) -> int:
    return int(revision) if revision.isdecimal() else 0


def _workload(cluster: Cluster, hand: Hand) -> Workload:
    workload = cluster.workload(hand.id)
    if workload is None or workload.namespace not in cluster.namespaces:
        raise Refused(f"{hand.id} is not in a listed namespace", "not_registered")
    return workload


def _path(cluster: Cluster, hand: Hand) -> str:
    workload = cluster.workload(hand.id)
    return workload_path(workload) if workload else node_path(hand.name)


_CHANGES: Mapping[ActionType, Callable[[Order, Cluster, Hand], Awaitable[Change]]] = {
    ActionType.ROLLOUT_RESTART: _rollout,
    ActionType.SCALE: _rollout,
    ActionType.SET_RESOURCES: _rollout,
    ActionType.ROLLOUT_TO_REVISION: _rollout,
    ActionType.EVICT_POD: _evict,
    ActionType.CORDON: _cordon,
}
