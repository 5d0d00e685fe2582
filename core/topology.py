"""Which service depends on which; used to join alerts of one trouble and to tell a cause from its noise."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

NAMES_A_LABEL_MAX = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_BETWEEN = re.compile(r"[,;\s]+")


class Direction(StrEnum):
    """How the service in a label stands to the service of the alert."""

    NEEDED = "needed"
    NEEDS_IT = "needs_it"


# What tracers, meshes and proxies usually call the other side.
USUAL_LABELS = {
    "depends_on": Direction.NEEDED,
    "upstream": Direction.NEEDED,
    "upstream_service": Direction.NEEDED,
    "peer_service": Direction.NEEDED,
    "peer.service": Direction.NEEDED,
    "destination_service_name": Direction.NEEDED,
    "called_by": Direction.NEEDS_IT,
}


@dataclass(frozen=True, slots=True)
class Learning:
    """Labels of alerts that name another service, how many edges are learned of them at most, and for how long each is
    kept after it was last seen. No labels: nothing is learned."""

    labels: Mapping[str, Direction] = field(default_factory=lambda: dict(USUAL_LABELS))
    edges_max: int = 500
    keep_s: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`service` depends on `depends_on`."""

    service: str
    depends_on: str


@dataclass(frozen=True, slots=True)
class Topology:
    """Services and what each depends on."""

    depends_on: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def neighbours(self, service: str) -> frozenset[str]:
        """Direct dependencies and direct dependants of a service."""
        callers = {name for name, targets in self.depends_on.items() if service in targets}
        return frozenset(callers | set(self.depends_on.get(service, ()))) - {service}

    def dependencies(self, service: str) -> tuple[str, ...]:
        """Everything a service needs, nearest first; a circle is walked once."""
        seen: dict[str, None] = {}
        queue = list(self.depends_on.get(service, ()))
        while queue:
            name = queue.pop(0)
            if name not in seen and name != service:
                seen[name] = None
                queue.extend(self.depends_on.get(name, ()))
        return tuple(seen)

    def overrules(self, edge: Edge) -> bool:
        """Is what a service depends on written down, so that nothing is learned about it?"""
        return bool(self.depends_on.get(edge.service))

    def with_learned(self, edges: Iterable[Edge]) -> "Topology":
        """What is written down, and learned edges of services about which nothing is."""
        learned: dict[str, list[str]] = {}
        for edge in edges:
            if not self.overrules(edge):
                learned.setdefault(edge.service, []).append(edge.depends_on)
        return Topology({**self.depends_on, **learned})


def told_edges(service: str, labels: Mapping[str, str], learning: Learning) -> Iterator[tuple[Edge, str]]:
    """The edges that an alert's labels tell, each with its label; what is no name of a service tells nothing."""
    for label in labels.keys() & learning.labels.keys():
        for name in _BETWEEN.split(labels[label].strip())[:NAMES_A_LABEL_MAX]:
            if name != service and _NAME.fullmatch(name) and _NAME.fullmatch(service):
                needed = learning.labels[label] is Direction.NEEDED
                yield (Edge(service, name) if needed else Edge(name, service)), label
