"""The whole story: a storm after a release, one page, a card, a person's yes, one call, verified, learned."""

import asyncio

from tests.stories.town import Json, Town, firing

STORM = 300
BATCH = 25


async def test_bad_release_is_healed_after_approval(town: Town) -> None:
    await town.furnish(["shop"])
    town.worker()

    first = await heal(town, "v42", "v41", above=0)
    assert first["record"].startswith("1 of 1"), first
    assert first["shown"] == "never tried here"
    assert first["recalled"] == []

    second = await heal(town, "v43", "v41", above=first["number"])
    known = "1 of 1 (21-100 %) on this service"
    assert second["shown"] == known, "the card of the second time knows that it helped before"
    assert [(one["playbook"], one["record"]) for one in second["recalled"]] == [("rollback-bad-release", known)]
    assert second["basis"] != first["basis"]
    assert second["record"].startswith("2 of 2")


async def heal(town: Town, version: str, previous: str, *, above: int) -> Json:
    """One bad release, from its storm to what was learned."""
    await town.deploy("shop", version, previous)
    alerts = [firing("shop", number=n) for n in range(STORM)]
    batches = [alerts[at : at + BATCH] for at in range(0, STORM, BATCH)]
    counts = await asyncio.gather(*[town.send_alerts(batch) for batch in batches])
    assert sum(count["new"] for count in counts) == STORM
    incident = await town.incident("shop", above)
    number = incident["number"]

    execution = await town.card(number)
    card = (await town.execution(execution))["card"]
    assert card["arguments"] == {"service": "shop", "to_version": previous}
    asked = [row["body"]["statement"] for row in await town.events(number, "question.answered")]
    assert len(asked) == 1, "the playbook's own question is answered before the card"
    assert asked[0].startswith(f"What was deployed? deploy shop {previous} -> {version}"), asked
    assert town.target.received(execution) == 0, "nothing is done before a person agrees"
    await town.decide(execution)

    await town.reached(execution, "verifying", "verified", "stable")
    await town.clear(alerts)
    await town.deploy("shop", previous, version, kind="rollback")
    await town.reached(execution, "stable")
    await town.is_resolved(number)
    [end] = await town.ends(number)
    assert (end["reason"], end["body"]["again"]) == ("stable", False)
    [learned] = await town.events(number, "learned")

    assert await town.path(execution) == [
        "proposed", "awaiting_approval", "approved", "claimed", "running", "succeeded", "verifying", "verified",
        "stable",
    ]  # fmt: skip
    assert town.target.received(execution) == town.target.effects(execution) == 1
    [call] = [row for row in town.target.log if row["event"] == "received" and row["key"] == execution]
    assert call["body"] == {"service": "shop", "to_version": previous}
    assert [page["kind"] for page in town.target.pages if page["incident"] == number] == ["page", "card"]
    assert (await town.ask("GET", "/incidents", limit=5))["items"][0]["number"] == number, "one incident for the storm"
    assert (await town.ask("GET", f"/incidents/{number}"))["alert_count"] == STORM
    [recall] = [row for row in await town.events(number, "recall") if not row["reason"]]
    return {
        "number": number,
        "recalled": recall["body"]["helped"],
        "record": learned["body"]["record"],
        "shown": card["track_record"],
        "basis": card["basis"],
    }
