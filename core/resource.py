"""Where an alert belongs: environment, cluster, service, and the typed resource that locks and protection key on."""

from collections.abc import Mapping
from dataclasses import dataclass

UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Place:
    """What an alert's labels say about where it happened."""

    environment: str
    cluster: str
    service: str
    resource_id: str

    @property
    def group_key(self) -> str:
        """Alerts with the same key inside an open incident belong together."""
        return f"{self.environment}/{self.cluster}/{self.service}"


_ENVIRONMENT = ("environment", "env", "stage")
_CLUSTER = ("cluster", "k8s_cluster", "region")
_SERVICE = ("service", "service_name", "app", "app_kubernetes_io_name", "deployment", "job")


def place_of(labels: Mapping[str, str]) -> Place:
    """Read the place from labels, by the usual names in a fixed order."""
    environment = _first(labels, _ENVIRONMENT)
    cluster = _first(labels, _CLUSTER)
    service = _first(labels, _SERVICE)
    return Place(environment, cluster, service, _resource(labels, environment, cluster, service))


def service_resource(environment: str, service: str) -> str:
    """The resource id of a whole service."""
    return f"service:{environment}/{service}"


def place_words(service: str, environment: str) -> str:
    """A service, and its environment where one is known."""
    return service if environment in ("", UNKNOWN) else f"{service} ({environment})"


def target_words(resource_id: str) -> str:
    """A service or an instance in words. Every other id, and one that could be read in two ways, stays as it is."""
    kind, _, rest = resource_id.partition(":")
    environment, *names = rest.split("/")
    if kind not in ("service", "instance") or len(names) != ("service", "instance").index(kind) + 1 or not all(names):
        return resource_id
    return place_words("/".join(names), environment)


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        if value := labels.get(name):
            return value
    return UNKNOWN


def _resource(labels: Mapping[str, str], environment: str, cluster: str, service: str) -> str:
    if labels.get("namespace") and (workload := labels.get("deployment") or labels.get("pod")):
        kind = "deployment" if labels.get("deployment") else "pod"
        return f"k8s:{cluster}/{labels['namespace']}/{kind}/{workload}"
    if labels.get("container") and labels.get("host"):
        return f"docker:{labels['host']}/{labels['container']}"
    if service != UNKNOWN:
        instance = labels.get("instance")
        return f"instance:{environment}/{service}/{instance}" if instance else service_resource(environment, service)
    host = labels.get("host") or labels.get("instance")
    return f"host:{host}" if host else UNKNOWN
