"""A heartbeat stops and comes back, seen by the real processes: one incident, which its return resolves."""

import asyncio
import contextlib
from typing import Any

from tests.stories.town import Town, now, until

CALM = {"settle_s": 3600}
LABELS = {"alertname": "Watchdog", "severity": "none", "cluster": "eu-1"}


async def test_an_absent_heartbeat_is_one_incident_and_its_return_resolves_it(town: Town) -> None:
    await town.furnish(["shop"], timings=CALM)
    rule = {"title": "watchdog", "matchers": ["alertname=Watchdog"], "interval_s": 2}
    await town.ask("POST", "/heartbeat-rules", rule)
    town.worker()

    async def beats() -> None:
        while True:
            await town.send_alerts([{"status": "firing", "labels": LABELS, "startsAt": now()}])
            await asyncio.sleep(0.5)

    async def incidents() -> Any:
        return (await town.ask("GET", "/incidents"))["items"]

    @contextlib.asynccontextmanager
    async def beating() -> Any:
        task = asyncio.create_task(beats())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async with beating():
        await asyncio.sleep(8)  # longer than the allowance, with the sweep at work
        assert await incidents() == []
    [incident] = await until("the absence", incidents)
    assert incident["title"].startswith("HeartbeatAbsent")
    assert (incident["priority"], incident["cluster"]) == ("P1", "eu-1")
    async with beating():
        await town.is_resolved(incident["number"])
        assert len(await incidents()) == 1
