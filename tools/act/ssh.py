"""One command on a registered host, by ssh: pinned host keys, at most one jump, a key of our own, no agent, no shell.

Nothing of the account's own ssh settings is read. A host that shows another key than the pinned ones is refused before
anything is sent to it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncssh

from core.command import shell_line
from core.errors import BadInput, Refused
from core.machine import SshHost
from core.site import Site
from tools.act.actuator import shown
from tools.act.secret import read_secret

CONNECT_S = 10.0
OUTPUT_BYTES_MAX = 256 * 1024


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit status (None where nobody knows), and what it printed, cut."""

    status: int | None
    output: str
    errors: str

    @property
    def said(self) -> str:
        """Status and first words, fit to be shown."""
        how = "no exit status" if self.status is None else f"exit {self.status}"
        return shown(f"{how}: {(self.output.strip() + ' ' + self.errors.strip()).strip()}")


async def run(site: Site, host_id: str, words: tuple[str, ...], *, timeout_s: float) -> Outcome:
    """Run the words as one command.

    Raises Refused where it certainly did not start. An outcome without a status is one of which nobody knows.
    """
    host = _host(site, host_id)
    try:
        line = shell_line(words)
    except BadInput as error:
        raise Refused(error.detail, "bad_command") from error
    async with _connected(site, host) as connection:
        try:
            async with asyncio.timeout(timeout_s):
                process = await connection.create_process(
                    line, stdin=asyncssh.DEVNULL, encoding=None, request_pty=False
                )
        except asyncssh.ChannelOpenError as error:
            raise Refused(f"{host.id} starts no command: {shown(error)}", "not_started") from error
        except (asyncssh.Error, OSError, TimeoutError) as error:
            return Outcome(None, "", f"no word of its start: {shown(error)}")
        return await _outcome(process, timeout_s)


async def _outcome(process: "asyncssh.SSHClientProcess[bytes]", timeout_s: float) -> Outcome:
    parts = [bytearray(), bytearray()]
    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            group.create_task(_drain(process.stdout, parts[0]))
            group.create_task(_drain(process.stderr, parts[1]))
            group.create_task(process.wait_closed())
        status = process.exit_status
        late = ""
    except* (TimeoutError, asyncssh.Error, OSError) as errors:
        status, late = None, f" (no end: {shown(errors.exceptions[0])})"
    output, problems = (bytes(part).decode("utf-8", "replace") for part in parts)
    return Outcome(None if status is None or status < 0 else status, output, problems + late)


async def _drain(reader: "asyncssh.SSHReader[bytes]", into: bytearray) -> None:
    """Read to the end, so that the command is never held up; keep only the first part."""
    while chunk := await reader.read(16_384):
        into += chunk[: OUTPUT_BYTES_MAX - len(into)]


@asynccontextmanager
async def _connected(site: Site, host: SshHost) -> AsyncIterator[asyncssh.SSHClientConnection]:
    if not host.jump:
        async with await _connect(host, None) as connection:
            yield connection
        return
    async with await _connect(_host(site, host.jump), None) as jump, await _connect(host, jump) as connection:
        yield connection


async def _connect(host: SshHost, tunnel: asyncssh.SSHClientConnection | None) -> asyncssh.SSHClientConnection:
    if not host.host_keys:
        raise Refused(f"{host.id} has no pinned host key", "host_key")
    try:
        pinned = [asyncssh.import_public_key(key) for key in host.host_keys]
        mine = asyncssh.import_private_key(read_secret(host.key_file, host.key_env) + "\n")
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise Refused(f"a key of {host.id} cannot be read: {shown(error)}", "bad_key") from error
    try:
        return await asyncssh.connect(
            host.address,
            host.port,
            tunnel=tunnel,
            username=host.user,
            client_keys=[mine],
            known_hosts=(pinned, [], []),
            server_host_key_algs=_algorithms(pinned),
            config=None,
            agent_path=None,
            agent_forwarding=False,
            preferred_auth="publickey",
            host_based_auth=False,
            x509_trusted_certs=None,
            connect_timeout=CONNECT_S,
            login_timeout=CONNECT_S,
            send_env=None,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        detail = f"{host.id} shows another host key than the pinned: someone may stand between, or it was set up anew"
        raise Refused(detail, "host_key") from error
    except asyncssh.KeyExchangeFailed as error:
        raise Refused(f"{host.id} has no host key of a pinned kind: {shown(error)}", "host_key") from error
    except asyncssh.PermissionDenied as error:
        raise Refused(f"{host.id} refuses our key for the account {host.user}", "no_access") from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise Refused(f"{host.id} cannot be reached: {shown(error)}", "not_reached") from error


def _algorithms(pinned: list[asyncssh.SSHKey]) -> list[str]:
    """The signatures that the pinned kinds of key can make, so that the server shows one of those."""
    names = [name.decode("ascii") for key in pinned for name in key.sig_algorithms if not name.endswith(b"ssh-rsa")]
    return list(dict.fromkeys(names))


def _host(site: Site, host_id: str) -> SshHost:
    host = next((host for host in site.hosts if host.id == host_id), None)
    if host is None:
        raise Refused(f"the host {host_id} is not registered", "not_registered")
    return host
