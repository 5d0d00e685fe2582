"""Nobody takes it up: people are called step by step, until somebody acknowledges or it is over; P2 becomes P1."""

import asyncio

from tests.stories.town import Town, until

CALM = {"settle_s": 3600, "resolve_after_s": 0.2}
POLICY = {
    "title": "soon, and again",
    "steps": [{"who": "on-call", "after_s": 0}, {"who": "on-call", "after_s": 3}, {"who": "pager", "after_s": 6}],
    "priorities": ["P1", "P2"],
}


async def calls(town: Town, number: int) -> list[str]:
    return [row["body"]["who"] for row in await town.events(number, "incident.called")]


async def test_people_are_called_until_somebody_acknowledges_or_it_is_over(town: Town) -> None:
    await town.furnish(["nobody", "taken", "gone"], timings=CALM)
    await town.ask("POST", "/escalation-policies", POLICY)
    town.worker()
    await town.fire("nobody")
    await town.fire("taken")
    gone = await town.fire("gone")
    numbers = {name: (await town.incident(name))["number"] for name in ("nobody", "taken", "gone")}
    await town.ask("POST", f"/incidents/{numbers['taken']}/acknowledge", {})
    await town.clear(gone)

    async def all_called() -> bool:
        return await calls(town, numbers["nobody"]) == ["on-call", "pager"]

    await until("the second and the third call", all_called)
    await asyncio.sleep(1)
    assert await calls(town, numbers["nobody"]) == ["on-call", "pager"]  # the first was the page
    assert await calls(town, numbers["taken"]) == []
    assert await calls(town, numbers["gone"]) == []
    sent = town.rows("SELECT kind, count(*) AS times FROM notifications GROUP BY kind ORDER BY kind")
    assert {row["kind"]: row["times"] for row in sent} == {"call": 2, "page": 3}


async def test_a_p2_that_nobody_took_up_for_two_hours_becomes_p1(town: Town) -> None:
    await town.furnish(["old"], timings=CALM)
    await town.fire("old")
    incident = await town.incident("old")
    town.rows("UPDATE incidents SET priority = 'P2', opened_at = opened_at - interval '3 hours' RETURNING id")
    town.worker()

    async def raised() -> bool:
        return bool(await town.events(incident["number"], "incident.raised"))

    await until("the raise", raised)
    assert (await town.ask("GET", f"/incidents/{incident['number']}"))["priority"] == "P1"

    async def called() -> bool:
        return await calls(town, incident["number"]) == ["on-call"]

    await until("the call of the new round", called)
