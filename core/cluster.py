"""A Kubernetes cluster: where its API is, and which of its workloads and nodes an action may touch."""

from dataclasses import dataclass
from enum import StrEnum


class WorkloadKind(StrEnum):
    """The kinds that have a pod template and a rollout."""

    DEPLOYMENT = "deployment"
    STATEFULSET = "statefulset"
    DAEMONSET = "daemonset"


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload of a service, and how far it may be scaled. Memory is MiB, CPU is thousandths of a core."""

    service: str
    namespace: str
    name: str
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    replicas_least: int = 1
    replicas_max: int = 10
    memory_mib_max: int = 4096
    cpu_millis_max: int = 4000

    def resource_id(self, cluster: str) -> str:
        """How alerts and locks call it."""
        return f"k8s:{cluster}/{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that may be cordoned when this service is in trouble."""

    name: str
    service: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """The API at `url` (https). The token is in `token_file` or the environment variable `token_env`."""

    id: str
    url: str
    namespaces: tuple[str, ...]
    workloads: tuple[Workload, ...] = ()
    nodes: tuple[Node, ...] = ()
    token_file: str = ""
    token_env: str = ""
    ca_file: str = ""

    def workload(self, resource_id: str) -> Workload | None:
        """The registered workload with this resource id."""
        return next((w for w in self.workloads if w.resource_id(self.id) == resource_id), None)

    def node_resource(self, name: str) -> str:
        """The resource id of a node."""
        return f"k8s:{self.id}/node/{name}"
