"""What is silenced, in maintenance or inhibited still shows, is not paged, and is told later if it still fires."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.stories.town import Town, firing, until

CALM = {"settle_s": 3600}


async def pages(town: Town, number: int) -> list[str]:
    """The news of an incident that went out, in order; those held back carry the reason."""
    rows = await town.events(number, "page.sent", "page.muted")
    return [row["reason"] if row["kind"] == "page.muted" else f"sent:{row['reason']}" for row in rows]


async def becomes(town: Town, number: int, *wanted: str) -> None:
    async def look() -> bool:
        return await pages(town, number) == list(wanted)

    await until(f"{wanted} of incident #{number}", look)


async def silence(town: Town, *matchers: str, for_s: float = 600) -> Any:
    body = {"matchers": list(matchers), "reason": "we know", "for_s": for_s}
    return await town.ask("POST", "/silences", body)


async def test_a_silenced_page_goes_out_when_the_silence_ends_and_it_still_fires(town: Town) -> None:
    await town.furnish(["short", "ended", "calm", "loud"], timings=CALM)
    town.worker()
    await silence(town, "service=short", for_s=4)
    ended = await silence(town, "service=ended")
    calm = await silence(town, "service=calm")
    for name in ("short", "ended", "loud"):
        await town.fire(name)
    calmed = await town.fire("calm")
    numbers = {name: (await town.incident(name))["number"] for name in ("short", "ended", "calm", "loud")}
    await becomes(town, numbers["loud"], "sent:page")
    await becomes(town, numbers["ended"], "silenced")
    await becomes(town, numbers["calm"], "silenced")

    await becomes(town, numbers["short"], "silenced", "sent:page")  # by its time
    await town.ask("POST", f"/silences/{ended['id']}/expire", {})
    await becomes(town, numbers["ended"], "silenced", "sent:page")  # by a person

    await town.clear(calmed)  # came and went unheard
    await town.is_resolved(numbers["calm"])
    await town.ask("POST", f"/silences/{calm['id']}/expire", {})
    await town.is_waiting()
    await asyncio.sleep(1)
    assert await pages(town, numbers["calm"]) == ["silenced"]


async def test_windows_and_inhibition_hold_pages_back_for_what_they_match_only(town: Town) -> None:
    await town.furnish(["host", "shop", "cart", "part"], timings=CALM)
    town.worker()
    window = {
        "title": "upgrade", "matchers": ["service=part", "route=/0"],
        "starts_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(), "duration_s": 3600,
    }  # fmt: skip
    await town.ask("POST", "/maintenance-windows", window)
    rule = {
        "title": "host down",
        "source": ["alertname=HostDown"],
        "target": ["alertname=HighErrorRate"],
        "equal": ["host"],
    }
    await town.ask("POST", "/inhibitions", {**rule, "override": ""})

    def on(host: str, service: str, name: str) -> Any:
        alert = firing(service, name)
        return {**alert, "labels": {**alert["labels"], "host": host}}

    await town.send_alerts([on("h1", "host", "HostDown")])
    await becomes(town, (await town.incident("host"))["number"], "sent:page")
    await town.send_alerts([on("h1", "shop", "HighErrorRate"), on("h2", "cart", "HighErrorRate")])
    await becomes(town, (await town.incident("cart"))["number"], "sent:page")
    await becomes(town, (await town.incident("shop"))["number"], "inhibited")

    await town.fire("part")
    part = (await town.incident("part"))["number"]
    await becomes(town, part, "maintenance")
    # Another part of the same service is no maintenance: whatever joins is heard within seconds.
    await town.send_alerts([firing("part", "HighErrorRate", 1)])
    await becomes(town, part, "maintenance", "sent:page")
