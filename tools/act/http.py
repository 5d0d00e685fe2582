"""The HTTP actuator: calls a registered endpoint once, never follows a redirect, never repeats."""

import asyncio
import ipaddress
import json
import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from core.address import address_fault
from core.errors import Refused
from core.plain_text import cut, visible
from core.site import Endpoint
from tools.act.actuator import SHOWN_CHARS_MAX, Answer, Effect, Order, Probe, refused, shown, without
from tools.act.secret import read_token

CONNECT_S = 5.0
ANSWER_BYTES_MAX = 64 * 1024
PROBE_S = 10.0
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?\.?", re.ASCII | re.IGNORECASE)
NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+", re.ASCII)
PATH = re.compile(r"[!-~]*", re.ASCII)
CREDENTIALS = frozenset({"authorization", "private-token"})
# Ports that other protocols speak: a request there may pass for one of their commands.
PORTS_NEVER = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
     110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 526, 530,
     531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049,
     2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 6000, 6379, 6566, 6665, 6666, 6667,
     6668, 6669, 6697, 9042, 9092, 11211, 27017}
)  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """A whole answer: its status and its body, cut."""

    status: int
    text: str

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        with suppress(ValueError):
            return json.loads(self.text)
        return None

    @property
    def said(self) -> str:
        """Status and body, fit to be shown."""
        return f"{self.status} {cut(visible(self.text), SHOWN_CHARS_MAX)}"


async def act(order: Order) -> Answer:
    """Call the endpoint that the intent names."""
    endpoint = order.site.endpoint_by_id(order.intent.endpoint_id)
    if endpoint is None:
        return refused(f"the endpoint {order.intent.endpoint_id} is not registered any more")
    return await call(endpoint, order.intent.parameters, order.key, timeout_s=order.timeout_s)


async def probe_order(order: Order) -> tuple[Probe, str]:
    """Ask the endpoint that the intent names."""
    endpoint = order.site.endpoint_by_id(order.intent.endpoint_id)
    if endpoint is None:
        return Probe.CANNOT_TELL, "its endpoint is not registered any more"
    return await probe(endpoint, order.key)


async def call(endpoint: Endpoint, parameters: Mapping[str, Any], key: str, *, timeout_s: float) -> Answer:
    """Send the action once with an idempotency key.

    `refused` only where no effect is certain: nothing was sent, or the target said no (4xx). A timeout, a cut
    connection, a redirect or a 5xx after sending is `unknown`.
    """
    if endpoint.method not in ("POST", "PUT", "PATCH"):
        return refused(f"{endpoint.method} is no method of an action")
    try:
        reply = await send(endpoint, endpoint.method, endpoint.url, dict(parameters), key=key, timeout_s=timeout_s)
    except Refused as error:
        return Answer(Effect.REFUSED, error.detail)
    except (httpx.HTTPError, TimeoutError) as error:
        return Answer(Effect.UNKNOWN, f"no whole answer: {shown(error)}")
    return judged(reply)


def judged(reply: Reply) -> Answer:
    """What a status says of the effect: 2xx did it, 4xx did not, of anything else nobody knows."""
    if 200 <= reply.status < 300:
        return Answer(Effect.DONE, reply.said)
    return Answer(Effect.REFUSED if 400 <= reply.status < 500 else Effect.UNKNOWN, reply.said)


async def probe(endpoint: Endpoint, key: str, *, timeout_s: float = PROBE_S) -> tuple[Probe, str]:
    """Ask the target, read-only, whether the call with this key happened; 404 means that it never arrived."""
    if not endpoint.probe_url:
        return Probe.CANNOT_TELL, "no probe is registered for this endpoint"
    try:
        url = endpoint.probe_url.replace("{key}", key)
        reply = await send(endpoint, "GET", url, None, key="", timeout_s=timeout_s)
    except (httpx.HTTPError, TimeoutError, Refused) as error:
        return Probe.CANNOT_TELL, f"the probe did not answer: {shown(error)}"
    if reply.status == 404:
        return Probe.NO_EFFECT, "the target never received it"
    body = reply.json() if 200 <= reply.status < 300 else None
    state = str(body.get("state", "")) if isinstance(body, Mapping) else ""
    states = {"done": Probe.SAW_EFFECT, "failed": Probe.NO_EFFECT, "running": Probe.RUNNING}
    return states.get(state, Probe.CANNOT_TELL), f"the target says: {cut(visible(reply.text), SHOWN_CHARS_MAX)}"


async def send(
    endpoint: Endpoint,
    method: str,
    url: str,
    body: Any,
    *,
    key: str,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request to a checked address. Raises Refused where nothing was sent, httpx.HTTPError or TimeoutError else."""
    async with asyncio.timeout(timeout_s):
        aimed, extensions, host = await _checked(url, endpoint)
        whole = {"Host": host, **_token(endpoint), **(headers or {})}
        if key:
            whole["Idempotency-Key"] = key
        if body is not None:
            whole["Content-Type"] = "application/json"
        async with _client(timeout_s) as client:
            try:
                content = None if body is None else json.dumps(body)
                request = client.build_request(method, aimed, content=content, headers=whole, extensions=extensions)
            except (httpx.InvalidURL, ValueError) as error:  # a token or an address that no request can carry
                raise Refused(f"nothing was sent: {shown(error)}", reason="bad_address") from error
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise Refused(f"nothing was sent: {shown(error)}", reason="not_reached") from error
            # A target that echoes what it was sent must not put our token into the audit.
            secrets = [value for name, value in whole.items() if name.lower() in CREDENTIALS]
            return Reply(response.status_code, without(await _read(response), secrets))


def _client(timeout_s: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_S), follow_redirects=False, trust_env=False
    )


async def _checked(url: str, endpoint: Endpoint) -> tuple[str, dict[str, Any], str]:
    """Resolve once, check every address, and aim at the checked one, so that a second resolution cannot differ."""
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused(f"{url} is not an address: {error}", reason="bad_address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise Refused(f"{url} is not a plain http(s) address", reason="bad_address")
    if not PATH.fullmatch(url) or "\\" in url:
        raise Refused(f"{shown(url)} has characters that no address has", reason="bad_address")
    if port in PORTS_NEVER:
        raise Refused(f"port {port} belongs to another protocol than HTTP", reason="bad_address")
    _check_name(parts.hostname)
    addresses = await _resolved(parts.hostname, port)
    for address in addresses:
        if fault := address_fault(address, allow_private=endpoint.allow_private, networks=endpoint.networks):
            raise Refused(fault, reason="bad_address")
    literal = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    aimed = parts._replace(netloc=f"{literal}:{port}").geturl()
    return aimed, {"sni_hostname": parts.hostname}, parts.netloc


def _check_name(name: str) -> None:
    """An address in its usual form, or a name; the short, octal and hexadecimal forms are for hiding."""
    with suppress(ValueError):
        address = ipaddress.ip_address(name)
        if getattr(address, "scope_id", None):
            raise Refused(f"{name} names an interface", reason="bad_address")
        return
    if not HOST_NAME.fullmatch(name) or ".." in name or NUMBER.fullmatch(name.rstrip(".").rsplit(".", 1)[-1]):
        raise Refused(f"{shown(name)} is neither a name nor an address in its usual form", reason="bad_address")


async def _resolved(name: str, port: int) -> list[str]:
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise Refused(f"{name} cannot be resolved: {error}", reason="bad_address") from error
    return [str(row[4][0]) for row in found]


def _token(endpoint: Endpoint) -> dict[str, str]:
    if not endpoint.token_env or not os.environ.get(endpoint.token_env):
        return {}
    return {"Authorization": f"Bearer {read_token('', endpoint.token_env)}"}


async def _read(response: httpx.Response) -> str:
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                break
    finally:
        await response.aclose()
    return body[:ANSWER_BYTES_MAX].decode("utf-8", "replace")
