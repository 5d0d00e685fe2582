"""A container daemon: the Engine API over a unix socket, or the `docker` command on a host by ssh."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import httpx

from core.container import Limits
from core.errors import Refused
from core.machine import ContainerEngine
from core.site import Site
from tools.act.actuator import Answer, Effect, refused, shown

LOOK_S = 10.0
ANSWER_BYTES_MAX = 1024 * 1024
API_KNOWN = (1, 44)
"""The version of the Engine API that is spoken, or the daemon's own where that is older."""
API_LEAST = (1, 24)
ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
STOPS = frozenset({"restart", "stop"})


class Daemon(Protocol):
    """What is needed of a daemon. All but `change` only read; each raises Refused where it has no answer."""

    async def look(self, name: str) -> Mapping[str, Any]:
        """What `inspect` says of a container."""

    async def clock(self) -> float:
        """The daemon's own time, in seconds since 1970."""

    async def events(self, since: float, until: float) -> list[Mapping[str, Any]]:
        """What happened between two times of its clock, oldest first; all of it, so that one can tell if it is full."""

    async def change(self, verb: str, container_id: str, *, limits: Limits, stop_s: int, timeout_s: float) -> Answer:
        """Restart, start, stop or update it, once; `stop_s` is how long it may take to stop by itself."""


def open_daemon(site: Site, engine: ContainerEngine) -> Daemon:
    """The daemon of an engine, by its socket or by ssh."""
    return EngineSocket(engine.socket) if engine.socket else EngineBySsh(site, engine.host)


@dataclass(frozen=True)
class EngineSocket:
    """The Engine API over a unix socket."""

    path: str

    async def look(self, name: str) -> Mapping[str, Any]:
        """`GET /containers/NAME/json`."""
        found = await self._read(f"/containers/{name}/json")
        return found if isinstance(found, Mapping) else {}

    async def clock(self) -> float:
        """`GET /info`."""
        info = await self._read("/info")
        return _clock(str(info.get("SystemTime", "")) if isinstance(info, Mapping) else "")

    async def events(self, since: float, until: float) -> list[Mapping[str, Any]]:
        """`GET /events`, which ends by itself where `until` is given and over."""
        return _lines(await self._get("/events", {"since": f"{since:.9f}", "until": f"{until:.9f}"}))

    async def change(self, verb: str, container_id: str, *, limits: Limits, stop_s: int, timeout_s: float) -> Answer:
        """`POST /containers/ID/VERB`; 2xx is done, 304 and 4xx changed nothing, of anything else nobody knows."""
        if not ID.fullmatch(container_id):
            return refused("the daemon gives an id that is none")
        values = {"t": stop_s} if verb in STOPS else {}
        body = _update(limits) if verb == "update" else None
        try:
            prefix = await self._version()
            async with asyncio.timeout(timeout_s), self._client(timeout_s) as client:
                path = f"{prefix}/containers/{container_id}/{verb}"
                async with client.stream("POST", path, params=values, json=body) as reply:
                    text = await _bounded(reply)
        except Refused as error:
            return refused(error.detail)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return refused(shown(error))
        except (httpx.HTTPError, TimeoutError) as error:
            return Answer(Effect.UNKNOWN, f"no whole answer: {shown(error)}")
        said = shown(f"{reply.status_code} {text}")
        if reply.status_code == 304:
            return refused(f"the container is so already ({verb})")
        if reply.is_success:
            return Answer(Effect.DONE, said)
        return Answer(Effect.REFUSED if 400 <= reply.status_code < 500 else Effect.UNKNOWN, said)

    async def _version(self) -> str:
        try:
            async with self._client(LOOK_S) as client:
                reply = await client.get("/_ping")
        except (httpx.HTTPError, OSError) as error:
            raise Refused(f"the engine at {self.path} does not answer: {shown(error)}", "not_reached") from error
        found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", reply.headers.get("Api-Version", ""), re.ASCII)
        version = min((int(found[1]), int(found[2])), API_KNOWN) if found else (0, 0)
        if not reply.is_success or version < API_LEAST:
            raise Refused(f"what listens at {self.path} is no container engine, or one too old", "not_reached")
        return f"/v{version[0]}.{version[1]}"

    async def _read(self, path: str) -> Any:
        try:
            return json.loads(await self._get(path, {}))
        except ValueError as error:
            raise Refused(f"{path} answers no JSON", "not_understood") from error

    async def _get(self, path: str, values: Mapping[str, str]) -> str:
        prefix = await self._version()
        try:
            async with (
                asyncio.timeout(LOOK_S),
                self._client(LOOK_S) as client,
                client.stream("GET", prefix + path, params=dict(values)) as reply,
            ):
                text = await _bounded(reply)
        except (httpx.HTTPError, TimeoutError) as error:
            raise Refused(f"{path}: {shown(error)}", "not_reached") from error
        if len(text) >= ANSWER_BYTES_MAX:
            raise Refused(f"{path} answers more than 1 MiB", "too_large")
        if not reply.is_success:
            raise Refused(f"{path}: {reply.status_code} {shown(text)}", "refused")
        return text

    def _client(self, timeout_s: float) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=self.path)
        return httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=timeout_s, trust_env=False)


@dataclass(frozen=True)
class EngineBySsh:
    """`docker` on a host by ssh, by the jump that the host has."""

    site: Site
    host: str

    async def look(self, name: str) -> Mapping[str, Any]:
        """`docker container inspect`."""
        found = _lines(await self._read("docker", "container", "inspect", "--format", "{{json .}}", "--", name))
        return found[0] if found else {}

    async def clock(self) -> float:
        """`docker info`."""
        return _clock(await self._read("docker", "info", "--format", "{{.SystemTime}}"))

    async def events(self, since: float, until: float) -> list[Mapping[str, Any]]:
        """`docker events`."""
        span = (f"--since={since:.9f}", f"--until={until:.9f}")
        return _lines(await self._read("docker", "events", *span, "--format={{json .}}"))

    async def change(self, verb: str, container_id: str, *, limits: Limits, stop_s: int, timeout_s: float) -> Answer:
        """`docker VERB`; a failure of it may have stopped the container, so the events have to tell."""
        from tools.act import ssh

        if not ID.fullmatch(container_id):
            return refused("the daemon gives an id that is none")
        # The long form of this option has another name since version 28.
        options = ("-t", str(stop_s)) if verb in STOPS else _options(limits)
        try:
            words = ("docker", verb, *options, "--", container_id)
            outcome = await ssh.run(self.site, self.host, words, timeout_s=timeout_s)
        except Refused as error:
            return refused(error.detail)
        if outcome.status == 0:
            return Answer(Effect.DONE, outcome.said)
        return Answer(Effect.REFUSED if outcome.status in (126, 127) else Effect.UNKNOWN, outcome.said)

    async def _read(self, *words: str) -> str:
        from tools.act import ssh

        outcome = await ssh.run(self.site, self.host, words, timeout_s=LOOK_S)
        if outcome.status != 0:
            raise Refused(outcome.said, "not_answered")
        return outcome.output


def _update(limits: Limits) -> dict[str, int]:
    """The body of an update: only what changes."""
    values = {"Memory": limits.memory, "MemorySwap": limits.swap, "NanoCpus": limits.nano_cpus}
    return {name: value for name, value in values.items() if value}


def _options(limits: Limits) -> tuple[str, ...]:
    """The same as options of the command; none where nothing changes."""
    options = (
        f"--memory={limits.memory}b" if limits.memory else "",
        f"--memory-swap={limits.swap}b" if limits.swap else "",
        f"--cpus={limits.nano_cpus / 1e9:.3f}" if limits.nano_cpus else "",
    )
    return tuple(option for option in options if option)


async def _bounded(reply: httpx.Response) -> str:
    """The body as text, cut at 1 MiB."""
    body = bytearray()
    async for chunk in reply.aiter_bytes():
        body += chunk
        if len(body) >= ANSWER_BYTES_MAX:
            break
    return bytes(body[:ANSWER_BYTES_MAX]).decode("utf-8", "replace")


def _clock(text: str) -> float:
    """The daemon's time. Raises Refused where it is none."""
    at = seconds_of(text.strip().strip('"'))
    if not at:
        raise Refused("the daemon does not tell its time", "not_understood")
    return at


def _lines(text: str) -> list[Mapping[str, Any]]:
    """One JSON object a line. Raises Refused for anything else."""
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise Refused("the daemon's answer is cut or no JSON", "not_understood") from error
    return [row for row in rows if isinstance(row, Mapping)]


def seconds_of(text: str) -> float:
    """Seconds since 1970 of the daemon's RFC 3339 with nine digits; 0 for what is none."""
    head, _, rest = text.strip().partition(".")
    digits = "".join(c for c in rest if c.isdigit())[:6] if rest else ""
    zone = rest.lstrip("0123456789") if rest else ""
    try:
        return datetime.fromisoformat(f"{head}.{digits:0<6}{zone}" if rest else head).timestamp()
    except ValueError:
        return 0.0
