"""What a container engine says of a container: its identity, how it stands, its limits; and the limits that we set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.machine import Container

IDENTITY = "container:"
MIB = 1024 * 1024
NANO_PER_MILLI = 1_000_000
_OWNERS = (
    ("com.docker.swarm.service.name", "Swarm service"),
    ("com.docker.compose.project", "Compose project"),
    ("io.kubernetes.pod.name", "Kubernetes pod"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in the engine's own units: bytes, and billionths of a core; 0 leaves one as it is.

    `swap` is memory and swap together, as the engine counts it.
    """

    memory: int = 0
    swap: int = 0
    nano_cpus: int = 0


def container_id(found: Mapping[str, Any]) -> str:
    """The id of a container; one that is made anew has another."""
    return str(found.get("Id", ""))


def seen_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth showing of an inspected container."""
    state, host, config = (_part(found, name) for name in ("State", "HostConfig", "Config"))
    labels = _part(config, "Labels")
    return {
        "state": str(state.get("Status", "")),
        "started_at": str(state.get("StartedAt", "")),
        "image": str(config.get("Image", "")),
        "memory_mib": int(host.get("Memory") or 0) // MIB,
        "cpu_millis": int(host.get("NanoCpus") or 0) // NANO_PER_MILLI,
        "owners": [f"{name} ({labels[key]})" for key, name in _OWNERS if key in labels],
    }


def limits_of(container: Container, found: Mapping[str, Any], values: Mapping[str, object]) -> Limits:
    """The limits that `memory_mib` and `cpu_millis` ask for. Raises BadInput outside of what is registered.

    The swap on top of the memory stays as large as it is: an engine refuses more memory than memory and swap.
    """
    host = _part(found, "HostConfig")
    memory = _within(values, "memory_mib", container.memory_mib_max) * MIB
    nano_cpus = _within(values, "cpu_millis", container.cpu_millis_max) * NANO_PER_MILLI
    if not memory and not nano_cpus:
        raise BadInput("name memory_mib or cpu_millis")
    old, both = int(host.get("Memory") or 0), int(host.get("MemorySwap") or 0)
    swap = memory + max(0, both - old) if memory and both > 0 else 0
    return Limits(memory, swap, nano_cpus)


def _within(values: Mapping[str, object], name: str, most: int) -> int:
    value = values.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        raise BadInput(f"{name} must be a whole number from 1 to {most}")
    return value


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}
