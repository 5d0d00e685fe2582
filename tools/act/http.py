"""The HTTP actuator: calls a registered endpoint once, never follows a redirect, never repeats."""

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx

from core.address import address_fault
from core.errors import Refused
from core.plain_text import cut, visible
from core.site import Endpoint

CONNECT_S = 5.0
ANSWER_BYTES_MAX = 64 * 1024
SHOWN_CHARS_MAX = 300


class Effect(StrEnum):
    """What is known of the effect of a call."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Probe(StrEnum):
    """What a read-only look at the target says of an earlier call."""

    SAW_EFFECT = "saw_effect"
    NO_EFFECT = "no_effect"
    RUNNING = "running"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Answer:
    """The effect, and what the target said, cut and made visible."""

    effect: Effect
    detail: str


async def call(endpoint: Endpoint, parameters: Mapping[str, Any], key: str, *, timeout_s: float) -> Answer:
    """Send the action once with an idempotency key.

    `refused` only where no effect is certain: nothing was sent, or the target said no (4xx). A timeout, a cut
    connection, a redirect or a 5xx after sending is `unknown`.
    """
    try:
        url, extensions, host = await _checked(endpoint.url, endpoint)
    except Refused as error:
        return Answer(Effect.REFUSED, error.detail)
    headers = {"Host": host, "Idempotency-Key": key, "Content-Type": "application/json", **_token(endpoint)}
    body = json.dumps(dict(parameters))
    try:
        async with asyncio.timeout(timeout_s), _client(timeout_s) as client:
            try:
                request = client.build_request(
                    endpoint.method, url, content=body, headers=headers, extensions=extensions
                )
            except (httpx.InvalidURL, ValueError) as error:  # a token or an address that no request can carry
                return Answer(Effect.REFUSED, f"nothing was sent: {_shown(error)}")
            response = await client.send(request, stream=True)
            text = await _read(response)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return Answer(Effect.REFUSED, f"nothing was sent: {_shown(error)}")
    except (httpx.HTTPError, TimeoutError) as error:
        return Answer(Effect.UNKNOWN, f"no whole answer: {_shown(error)}")
    said = f"{response.status_code} {cut(visible(text), SHOWN_CHARS_MAX)}"
    if response.is_success:
        return Answer(Effect.DONE, said)
    return Answer(Effect.REFUSED if 400 <= response.status_code < 500 else Effect.UNKNOWN, said)


async def probe(endpoint: Endpoint, key: str, *, timeout_s: float = 10.0) -> tuple[Probe, str]:
    """Ask the target, read-only, whether the call with this key happened; 404 means that it never arrived."""
    if not endpoint.probe_url:
        return Probe.CANNOT_TELL, "no probe is registered for this endpoint"
    try:
        url, extensions, host = await _checked(endpoint.probe_url.replace("{key}", key), endpoint)
        async with asyncio.timeout(timeout_s), _client(timeout_s) as client:
            headers = {"Host": host, **_token(endpoint)}
            response = await client.send(
                client.build_request("GET", url, headers=headers, extensions=extensions), stream=True
            )
            text = await _read(response)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, Refused, ValueError) as error:
        return Probe.CANNOT_TELL, f"the probe did not answer: {_shown(error)}"
    if response.status_code == 404:
        return Probe.NO_EFFECT, "the target never received it"
    return _probe_state(response, text)


def _probe_state(response: httpx.Response, text: str) -> tuple[Probe, str]:
    try:
        state = str(json.loads(text).get("state", "")) if response.is_success else ""
    except (ValueError, AttributeError):
        state = ""
    states = {"done": Probe.SAW_EFFECT, "failed": Probe.NO_EFFECT, "running": Probe.RUNNING}
    return states.get(state, Probe.CANNOT_TELL), f"the target says: {cut(visible(text), SHOWN_CHARS_MAX)}"


def _client(timeout_s: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_S), follow_redirects=False, trust_env=False
    )


async def _checked(url: str, endpoint: Endpoint) -> tuple[str, dict[str, Any], str]:
    """Resolve once, check every address, and aim at the checked one, so that a second resolution cannot differ."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused(f"{url} is not an address: {error}", reason="bad_address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise Refused(f"{url} is not a plain http(s) address", reason="bad_address")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise Refused(f"{parts.hostname} cannot be resolved: {error}", reason="bad_address") from error
    addresses = [str(row[4][0]) for row in found]
    for address in addresses:
        if fault := address_fault(address, allow_private=endpoint.allow_private):
            raise Refused(fault, reason="bad_address")
    literal = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    aimed = parts._replace(netloc=f"{literal}:{port}").geturl()
    return aimed, {"sni_hostname": parts.hostname}, parts.netloc


def _token(endpoint: Endpoint) -> dict[str, str]:
    token = os.environ.get(endpoint.token_env, "") if endpoint.token_env else ""
    return {"Authorization": f"Bearer {token}"} if token else {}


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


def _shown(error: Exception) -> str:
    return cut(visible(str(error) or type(error).__name__), SHOWN_CHARS_MAX)
