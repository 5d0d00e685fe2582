"""The Kubernetes API of a registered cluster: reads, and single writes that carry their preconditions."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from core.cluster import Cluster
from core.errors import Refused
from tools.act.actuator import Answer, Effect, refused, shown, without
from tools.act.secret import read_secret, read_token

LOOK_S = 10.0
ANSWER_BYTES_MAX = 4 * 1024 * 1024
MANAGER = "nightshift"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
JSON = "application/json"
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One write: a PATCH or a POST, to one object, with the media type of its body."""

    method: str
    path: str
    body: Any
    kind: str


@dataclass(frozen=True)
class KubeApi:
    """One cluster. Certificates are always checked, against `ca_file` where there is one."""

    cluster: Cluster

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """One object or list. Raises Refused where there is no answer; reason `absent` for a 404."""
        try:
            async with asyncio.timeout(LOOK_S), self._client(LOOK_S) as client:
                reply, text = await _sent(client, "GET", path, query or {})
        except (httpx.HTTPError, TimeoutError) as error:
            raise Refused(f"the cluster {self.cluster.id} does not answer: {shown(error)}", "not_reached") from error
        if reply.status_code == 404:
            raise Refused(f"{path} is not there", "absent")
        if not reply.is_success:
            raise Refused(f"{path}: {self._said(reply, text)}", "refused")
        if len(text) > ANSWER_BYTES_MAX:
            raise Refused(f"{path} answers more than 4 MiB", "too_large")
        try:
            found = json.loads(text)
        except ValueError as error:
            raise Refused(f"{path} answers no JSON", "not_understood") from error
        return found if isinstance(found, Mapping) else {}

    async def send(self, change: Change, *, timeout_s: float, dry: bool = False) -> Answer:
        """One write; its body carries the uid and the version that it is meant for. A dry one changes nothing."""
        query = {"fieldValidation": "Strict"} | ({"fieldManager": MANAGER} if change.method == "PATCH" else {})
        try:
            async with asyncio.timeout(timeout_s), self._client(timeout_s) as client:
                reply, text = await _sent(
                    client, change.method, change.path, query | ({"dryRun": "All"} if dry else {}),
                    content=json.dumps(change.body), headers={"Content-Type": change.kind},
                )  # fmt: skip
        except Refused as error:
            return refused(error.detail)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return refused(shown(error))
        except (httpx.HTTPError, TimeoutError) as error:
            return Answer(Effect.UNKNOWN, f"no whole answer: {shown(error)}")
        if reply.is_success:
            return Answer(Effect.DONE, f"{reply.status_code} by the cluster {self.cluster.id}")
        return Answer(Effect.REFUSED if 400 <= reply.status_code < 500 else Effect.UNKNOWN, self._said(reply, text))

    def _said(self, reply: httpx.Response, text: str) -> str:
        """What a Status object says and when to come back, else the first of the text; never our own token."""
        again = f" (again in {shown(reply.headers['Retry-After'])} s)" if "Retry-After" in reply.headers else ""
        hidden = without(text, [read_secret(self.cluster.token_file, self.cluster.token_env)])
        try:
            status = json.loads(hidden)
            return shown(f"{reply.status_code} {status.get('reason', '')}: {status.get('message', '')}{again}")
        except (ValueError, AttributeError):
            return shown(f"{reply.status_code} {hidden}{again}")

    def _client(self, timeout_s: float) -> httpx.AsyncClient:
        token = read_token(self.cluster.token_file, self.cluster.token_env)
        try:
            trust = ssl.create_default_context(cafile=self.cluster.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise Refused(f"the file {self.cluster.ca_file} holds no certificate ({error})", "no_secret") from error
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return httpx.AsyncClient(
            base_url=self.cluster.url, headers=headers, verify=trust, timeout=timeout_s, trust_env=False
        )


async def _sent(
    client: httpx.AsyncClient, method: str, path: str, query: Mapping[str, str], **more: Any
) -> tuple[httpx.Response, str]:
    """The answer and its body as text, cut after 4 MiB."""
    body = bytearray()
    async with client.stream(method, path, params=dict(query), **more) as reply:
        async for chunk in reply.aiter_bytes():
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                break
    return reply, bytes(body).decode("utf-8", "replace")
