"""Which service depends on which; used to join alerts of one trouble and to tell a cause from its noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


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
