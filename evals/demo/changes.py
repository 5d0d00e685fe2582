"""How the deploy tool tells Nightshift what it changed: one try, never in the way of the operation."""

import asyncio
import secrets
import sys

import httpx

from evals.demo.serving import now_iso

event_wait_s = 2.0
PATH = "/api/v1/webhooks/changes"


class ChangeFeed:
    """Posts change events in the background; without an address it tells nobody."""

    def __init__(self, url: str | None, token: str | None) -> None:
        self._url, self._token = (url or "").rstrip("/"), token or ""
        self._telling: set[asyncio.Task[None]] = set()

    def tell(self, kind: str, service: str, version: str, previous: str, summary: str) -> None:
        """Send one event in a task of its own."""
        if not self._url:
            return
        event = {
            "id": secrets.token_hex(16),
            "kind": kind,
            "environment": "demo",
            "service": service,
            "version": version,
            "previous_version": previous,
            "at": now_iso(),
            "by": "deployer",
            "summary": summary,
        }
        task = asyncio.create_task(self._post(event))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _post(self, event: dict[str, str]) -> None:
        try:
            async with (
                asyncio.timeout(event_wait_s),
                httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {self._token}"}) as client,
            ):
                (await client.post(self._url + PATH, json=event)).raise_for_status()
        except (httpx.HTTPError, OSError) as error:
            print(f"deployer: change event {event['id']} not delivered: {error!r}", file=sys.stderr, flush=True)
