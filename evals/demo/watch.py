"""Watching Nightshift through its own API, as any client would."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from core.errors import Unavailable
from evals.demo.stage import DEPLOYER_TOKEN, Stage

Json = dict[str, Any]
WAIT_S = 45.0
POLL_S = 0.25


class Watch:
    """Reads what people would read; waits until something is there, with a bound."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.client = httpx.AsyncClient(trust_env=False, timeout=10.0)

    async def get(self, path: str, **params: Any) -> Any:
        """A GET of Nightshift's API with the approver's key."""
        answer = await self.client.get(f"{self._stage.url}/api/v1{path}", params=params, headers=self._key())
        answer.raise_for_status()
        return answer.json()

    async def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> httpx.Response:
        """A POST of Nightshift's API; the answer whatever it is."""
        headers = self._key(key)
        return await self.client.post(f"{self._stage.url}/api/v1{path}", json=dict(body), headers=headers)

    def _key(self, key: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self._stage.approver_key}"}

    async def deployer(self, path: str, body: Mapping[str, Any]) -> Json:
        """What the demo itself does to the shop: deploy, crash, slow."""
        headers = {"Authorization": f"Bearer {DEPLOYER_TOKEN}"}
        answer = await self.client.post(f"{self._stage.deployer_url}{path}", json=dict(body), headers=headers)
        answer.raise_for_status()
        return dict(answer.json())

    async def calls(self) -> list[Json]:
        """The deployer's own log: the only word that counts on what really happened."""
        answer = await self.client.get(f"{self._stage.deployer_url}/calls")
        answer.raise_for_status()
        found = answer.json()
        return list(found["calls"] if isinstance(found, dict) else found)

    async def pages(self) -> list[Json]:
        """What the pager received."""
        found = (await self.client.get(f"{self._stage.pager_url}/pages")).json()
        return list(found["pages"] if isinstance(found, dict) else found)

    async def until(self, what: str, look: Callable[[], Any], wait_s: float = WAIT_S) -> Any:
        """Ask until there is an answer; Unavailable after `wait_s`, saying what was waited for."""
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    try:
                        if found := await look():
                            return found
                    except httpx.TransportError:
                        pass  # Nightshift may be restarting
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise Unavailable(f"The demo waited {wait_s:.0f} s for {what}, in vain.") from None

    async def newest_incident(self, above: int) -> Json | None:
        """The newest incident with a number above this one."""
        items = (await self.get("/incidents", limit=1))["items"]
        return items[0] if items and items[0]["number"] > above else None

    async def events(self, number: int, kinds: Sequence[str]) -> list[Json]:
        """The timeline rows of some kinds."""
        page = await self.get(f"/incidents/{number}/events", follow="false", limit=500)
        return [row for row in page["items"] if row["kind"] in kinds]

    async def approval_of(self, number: int) -> Json | None:
        """The pending approval of an incident that was announced."""
        requested = await self.events(number, ["approval.requested"])
        return await self.approval(requested[-1]["body"]["approval_id"]) if requested else None

    async def approval(self, approval_id: str) -> Json:
        """An approval, as it is now."""
        return dict(await self.get(f"/approvals/{approval_id}"))

    async def execution(self, execution_id: str) -> Json:
        """An execution, as it is now."""
        return dict(await self.get(f"/executions/{execution_id}"))

    async def reached(self, execution_id: str, states: Sequence[str]) -> Json | None:
        """The execution, once it is in one of these states."""
        found = await self.execution(execution_id)
        return found if found["state"] in states else None
