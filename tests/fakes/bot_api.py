"""A bare caller of the fake Bot API, for the tests of its rules."""

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_rules import Refused
from tests.fakes.telegram_state import TOKEN


@dataclass
class BotApi:
    """Calls methods with JSON and raises what is refused."""

    telegram: FakeTelegram
    token: str = TOKEN

    async def __call__(self, method: str, **arguments: Any) -> Any:
        """The result of a method."""
        answer = await self.post(method, json=arguments)
        body = answer.json()
        if not body["ok"]:
            assert answer.status_code == body["error_code"]
            raise Refused(body["error_code"], body["description"], body.get("parameters", {}))
        return body["result"]

    async def post(self, method: str, **given: Any) -> httpx.Response:
        """The answer as it came."""
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with httpx.AsyncClient(timeout=5, verify=no_certificates) as client:
            return await client.post(f"{self.telegram.url}/bot{self.token}/{method}", **given)

    async def refusal(self, method: str, **arguments: Any) -> str:
        """The sentence of a refusal; it is an error if the method is accepted."""
        try:
            result = await self(method, **arguments)
        except Refused as refused:
            return refused.description
        raise AssertionError(f"{method} was accepted: {result}")
