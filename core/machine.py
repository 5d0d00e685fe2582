"""Machines that an action may reach: hosts by ssh with pinned keys, and container engines with named containers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SshHost:
    """A host by ssh. `host_keys` are its public keys, one of which it has to show; `jump` is another host's id.

    The private key is in `key_file`, or in the environment variable `key_env`; it never stands in the site itself.
    """

    id: str
    address: str
    user: str
    host_keys: tuple[str, ...]
    port: int = 22
    key_file: str = ""
    key_env: str = ""
    jump: str = ""
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """A container by its name, the service that runs in it, and how far its limits may be raised.

    Memory is MiB, CPU is thousandths of a core.
    """

    name: str
    service: str
    memory_mib_max: int = 4096
    cpu_millis_max: int = 4000


@dataclass(frozen=True, slots=True)
class ContainerEngine:
    """A container engine at a unix `socket` of this machine, or at the `host` with this id by ssh; one of the two."""

    id: str
    containers: tuple[Container, ...]
    socket: str = ""
    host: str = ""
    stop_s_max: int = 10
