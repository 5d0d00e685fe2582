"""What is read out of a Kubernetes object: its identity, its owners, its revision; and the changes we make to one."""

import re
from collections.abc import Mapping
from typing import Any

from core.cluster import Workload, WorkloadKind
from core.errors import BadInput

EXECUTION = "nightshift.dev/execution"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"
TEMPLATE_HASH = "pod-template-hash"
AUTOSCALER = "HorizontalPodAutoscaler"
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
Object = Mapping[str, Any]
PLURAL = {
    WorkloadKind.DEPLOYMENT: "deployments",
    WorkloadKind.STATEFULSET: "statefulsets",
    WorkloadKind.DAEMONSET: "daemonsets",
}
_GITOPS = (
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
)
_MANAGERS = {"Helm": "Helm"}


def is_name(text: str) -> bool:
    """Is this what an object may be called? Nothing else becomes part of an address."""
    return bool(NAME.fullmatch(text)) and ".." not in text


def part(value: Object, *path: str) -> Object:
    """A nested mapping, empty where there is none."""
    for name in path:
        found = value.get(name)
        value = found if isinstance(found, Mapping) else {}
    return value


def listed(value: Object, name: str) -> list[Object]:
    """The mappings of a nested list."""
    found = value.get(name)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def uid_of(found: Object) -> str:
    """The uid of an object."""
    return str(part(found, "metadata").get("uid", ""))


def identity(found: Object) -> str:
    """The stable identity of an object, as an intent holds it."""
    return f"uid:{uid_of(found)}"


def owners(found: Object, autoscalers: list[Object]) -> list[str]:
    """Who else changes this object and may take our change back: autoscalers and GitOps controllers, in words."""
    metadata = part(found, "metadata")
    marks = {**part(metadata, "labels"), **part(metadata, "annotations")}
    said = [f"{name} ({marks[key]})" for key, name in _GITOPS if key in marks]
    said += [f"{_MANAGERS[v]}" for k, v in marks.items() if k == "app.kubernetes.io/managed-by" and v in _MANAGERS]
    kind, name = found.get("kind"), metadata.get("name")
    for scaler in autoscalers:
        target = part(scaler, "spec", "scaleTargetRef")
        if target.get("kind") == kind and target.get("name") == name:
            spec = part(scaler, "spec")
            span = f"{spec.get('minReplicas', 1)} to {spec.get('maxReplicas', '?')} replicas"
            said.append(f"{AUTOSCALER} {part(scaler, 'metadata').get('name')} ({span})")
    return list(dict.fromkeys(said))


def limits_seen(found: Object) -> dict[str, Any]:
    """The limits of every container of a pod template, as they are written there."""
    containers = listed(part(found, "spec", "template", "spec"), "containers")
    return {str(c.get("name")): dict(part(c, "resources", "limits")) for c in containers}


def is_ready(pod: Object) -> bool:
    """Does the pod say that it is ready?"""
    conditions = listed(part(pod, "status"), "conditions")
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def owned_by(child: Object, uid: str) -> bool:
    """Is this its controller?"""
    refs = listed(part(child, "metadata"), "ownerReferences")
    return any(ref.get("uid") == uid and ref.get("controller") is True for ref in refs)


def container_names(found: Object) -> list[str]:
    """The containers of a pod template."""
    return [str(c.get("name")) for c in listed(part(found, "spec", "template", "spec"), "containers")]


def marked(found: Object, key: str) -> dict[str, Any]:
    """The metadata of every change: who did it, and to which object in which version. A newer one answers 409."""
    metadata = part(found, "metadata")
    version = str(metadata.get("resourceVersion", ""))
    return {"uid": uid_of(found), "resourceVersion": version, "annotations": {EXECUTION: key}}


def restart_patch(found: Object, key: str, at: str) -> dict[str, Any]:
    """A new value in the pod template's annotations makes new pods, one after the other."""
    template = {"metadata": {"annotations": {RESTARTED_AT: at, EXECUTION: key}}}
    return {"metadata": marked(found, key), "spec": {"template": template}}


def scale_patch(found: Object, key: str, workload: Workload, replicas: object) -> dict[str, Any]:
    """Another number of pods. Raises BadInput outside of what is registered."""
    if workload.kind is WorkloadKind.DAEMONSET:
        raise BadInput("a daemon set has one pod a node and cannot be scaled")
    least, most = workload.replicas_least, workload.replicas_max
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not least <= replicas <= most:
        raise BadInput(f"replicas must be a whole number from {least} to {most}")
    return {"metadata": marked(found, key), "spec": {"replicas": replicas}}


def resources_patch(found: Object, key: str, workload: Workload, values: Mapping[str, object]) -> dict[str, Any]:
    """Other limits of one container, `memory_mib` and `cpu_millis`. Raises BadInput outside of what is registered."""
    names = container_names(found)
    name = str(values.get("container") or (names[0] if len(names) == 1 else ""))
    if name not in names:
        raise BadInput(f"container must be one of: {', '.join(names)}")
    limits: dict[str, str] = {}
    for given, resource, unit, most in (
        ("memory_mib", "memory", "Mi", workload.memory_mib_max),
        ("cpu_millis", "cpu", "m", workload.cpu_millis_max),
    ):
        value = values.get(given)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
            raise BadInput(f"{given} must be a whole number from 1 to {most}")
        limits[resource] = f"{value}{unit}"
    if not limits:
        raise BadInput("name memory_mib or cpu_millis")
    containers = [{"name": name, "resources": {"limits": limits, "requests": limits}}]
    return {"metadata": marked(found, key), "spec": {"template": {"spec": {"containers": containers}}}}


def revision_of(replica_set: Object) -> str:
    """The revision of a deployment that a replica set is."""
    return str(part(replica_set, "metadata", "annotations").get(REVISION, ""))


def revision_patch(found: Object, key: str, replica_set: Object) -> list[dict[str, Any]]:
    """The pod template of an earlier revision in place of today's, as a JSON patch that tests its preconditions."""
    template = dict(part(replica_set, "spec", "template"))
    metadata = dict(part(template, "metadata"))
    metadata["labels"] = {k: v for k, v in part(metadata, "labels").items() if k != TEMPLATE_HASH}
    template["metadata"] = metadata
    marks = {**part(found, "metadata", "annotations"), EXECUTION: key}
    own = marked(found, key)
    return [
        {"op": "test", "path": "/metadata/uid", "value": own["uid"]},
        {"op": "test", "path": "/metadata/resourceVersion", "value": own["resourceVersion"]},
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "add", "path": "/metadata/annotations", "value": marks},
    ]


def eviction(pod: Object) -> dict[str, Any]:
    """A request to evict exactly this pod; the disruption budget may refuse it."""
    metadata = part(pod, "metadata")
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": metadata.get("name"), "namespace": metadata.get("namespace")},
        "deleteOptions": {"preconditions": {"uid": uid_of(pod), "resourceVersion": metadata.get("resourceVersion")}},
    }
