"""The signed road to an app: events, interactions and commands posted to its address."""

import hashlib
import hmac
import json
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.fakes.slack_delivery import COMMANDS, EVENTS, Reply
from tests.fakes.slack_state import SIGNING_SECRET


def signed(body: bytes, *, at: float | None = None, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """The two headers over the raw bytes of a body."""
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}"}


def encoded(kind: str, payload: dict[str, Any]) -> tuple[bytes, str]:
    """Body and content type of a delivery."""
    if kind == EVENTS:
        return json.dumps(payload).encode(), "application/json"
    form = payload if kind == COMMANDS else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


@dataclass
class HttpRoad:
    """Posts to one address."""

    url: str
    ack_s: float
    skew_s: float = 0.0  # how far the clock of the platform is off

    async def send(self, kind: str, payload: dict[str, Any], attempt: int, reason: str) -> Reply:
        """One post; anything but a 200 in time is a failure."""
        body, content_type = encoded(kind, payload)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signed(body, at=time.time() + self.skew_s)
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        try:
            answer = await self.post(body, headers)
        except httpx.TimeoutException:
            return Reply("http_timeout", status=0)
        except httpx.HTTPError:
            return Reply("connection_failed", status=0)
        no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
        if answer.status_code != 200:
            return Reply("http_error", None, answer.status_code, no_retry)
        return Reply("", _json(answer), 200, no_retry)

    async def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Bytes and headers as they are, also forged ones."""
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading them takes longer than a request
        async with httpx.AsyncClient(timeout=self.ack_s, verify=no_certificates) as client:
            raw = [(name.encode(), value.encode()) for name, value in headers.items()]
            return await client.post(self.url, content=body, headers=raw)

    async def verify_address(self) -> bool:
        """The handshake before events are delivered: the app returns the challenge."""
        challenge = {
            "type": "url_verification",
            "token": "verification",
            "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkv",
        }
        reply = await self.send(EVENTS, challenge, 0, "")
        return not reply.reason and (reply.body or {}).get("challenge") == challenge["challenge"]


def _json(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        return {"text": answer.text}
    return body if isinstance(body, dict) else None
