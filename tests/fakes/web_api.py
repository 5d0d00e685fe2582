"""A bare caller of the fake Web API, for the tests of its rules."""

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_rules import SlackRefused
from tests.fakes.slack_state import BOT_TOKEN


@dataclass
class WebApi:
    """Calls methods with JSON and raises what is refused."""

    slack: FakeSlack
    token: str = BOT_TOKEN

    async def __call__(self, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a method."""
        answer = await self.post(method, json=arguments)
        body: dict[str, Any] = answer.json()
        if not body["ok"]:
            more = {name: value for name, value in body.items() if name not in ("ok", "error")}
            raise SlackRefused(body["error"], answer.status_code, more, int(answer.headers.get("Retry-After", 0)))
        return body

    async def post(self, method: str, **given: Any) -> httpx.Response:
        """The answer as it came."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.post_to(f"{self.slack.api}{method}", headers=headers, **given)

    async def post_to(self, url: str, **given: Any) -> httpx.Response:
        """A post to any address of the fake, such as a response_url."""
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with httpx.AsyncClient(timeout=5, verify=no_certificates) as client:
            return await client.post(url, **{"timeout": 5} | given)

    async def refusal(self, method: str, **arguments: Any) -> str:
        """The word of a refusal; it is an error if the method is accepted."""
        try:
            result = await self(method, **arguments)
        except SlackRefused as refused:
            return refused.error
        raise AssertionError(f"{method} was accepted: {result}")

    async def faults(self, method: str, **arguments: Any) -> str:
        """What a refusal says about where the fault is."""
        try:
            result = await self(method, **arguments)
        except SlackRefused as refused:
            return " ".join(refused.more["response_metadata"]["messages"])
        raise AssertionError(f"{method} was accepted: {result}")
