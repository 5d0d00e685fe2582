"""What a target answers, and what is made of it; and the ends of a run that never reach the target."""

import asyncio

from tests.stories.target import Manner
from tests.stories.town import POKE, TIMINGS, Town

WELL = ("verifying", "verified", "stable")
MANNERS = {
    "done": (Manner(), "succeeded"),
    "cut-after-the-effect": (Manner(answer=0), "succeeded"),
    "cut-before-it": (Manner(answer=0, effect=False), "failed"),
    "broken-after-it": (Manner(answer=502), "succeeded"),
    "too-slow": (Manner(after_s=3.0), "succeeded"),
    "refused": (Manner(answer=409, effect=False), "failed"),
}
CLEAR = ("done", "refused")


async def test_half_an_answer_is_never_taken_for_a_whole_one(town: Town) -> None:
    """A cut, a 5xx and a timeout are `unknown` until the target is asked; only a clear word is taken at once."""
    await town.furnish(list(MANNERS), timings={"settle_s": 3600})
    town.worker()
    town.target.manners.update({name: manner for name, (manner, _) in MANNERS.items()})
    await asyncio.gather(*[town.fire(name) for name in MANNERS])
    pokes = {name: await town.poke(name) for name in MANNERS}
    for execution in pokes.values():
        await town.decide(execution)

    for name, (manner, end) in MANNERS.items():
        execution = pokes[name]
        await town.reached(execution, *WELL, "ineffective", "failed")
        middle = [] if name in CLEAR else ["unknown"]
        assert (await town.path(execution))[4 : 6 + len(middle)] == ["running", *middle, end], name
        assert town.target.received(execution) == 1, name
        assert town.target.effects(execution) == int(manner.effect), name


async def test_rejected_expired_superseded_end_as_drawn_and_nothing_is_called(town: Town) -> None:
    await town.furnish(["turned-down", "moved-on", "forgotten"])
    town.worker()
    alerts = {}
    for name in ("turned-down", "moved-on"):
        await town.deploy(name, "v42", "v41")
        alerts[name] = await town.fire(name)

    number = (await town.incident("turned-down"))["number"]
    execution = await town.card(number)
    await town.decide(execution, "reject")
    await town.reached(execution, "rejected")
    assert [end["reason"] for end in await town.ends(number)] == ["rejected"]
    await town.decide(execution, "approve", status=409)

    number = (await town.incident("moved-on"))["number"]
    execution = await town.card(number)
    await town.clear(alerts["moved-on"])
    await town.reached(execution, "superseded")
    assert [end["reason"] for end in await town.ends(number)] == ["superseded"]
    assert (await town.approval(execution))["state"] == "superseded"
    await town.decide(execution, "approve", status=409)

    # With a short time to decide: nobody does, and nothing approves by time.
    timings = {**TIMINGS, "approval_expires_s": 1.5}
    await town.ask("PUT", "/site", {**town.site, "timings": timings})
    await asyncio.sleep(1.2)  # a worker reads the site at most a second late
    await town.deploy("forgotten", "v42", "v41")
    await town.fire("forgotten")
    number = (await town.incident("forgotten"))["number"]
    execution = await town.card(number)
    await town.reached(execution, "expired")
    assert [end["reason"] for end in await town.ends(number)] == ["expired"]
    await town.is_in(number, "escalated")
    await town.decide(execution, "approve", status=409)

    assert town.target.log == []


async def test_what_changed_between_approval_and_run_invalidates_it(town: Town) -> None:
    """The gate is asked again at the claim, over facts of that moment."""
    services = ["stopped", "released", "recovered", "rewritten", "unchanged"]
    await town.furnish(services, timings={"settle_s": 3600, "resolve_after_s": 3600})
    alerts = {}
    for name in services:
        await town.deploy(name, "v42", "v41")
        alerts[name] = await town.fire(name)

    stopped = await town.roll_back("stopped", "v41")
    await town.decide(stopped)
    await town.ask("PUT", "/switches/kill", {"on": True, "reason": "maintenance"}, who="on-call")
    first = town.worker()
    row = await town.reached(stopped, "invalidated")
    assert row["result"]["fault"].startswith("kill_switch:")
    first.terminate()
    assert await town.died(first) == 0
    await town.ask("PUT", "/switches/kill", {"on": False, "reason": "over"})

    # Nobody works now, so that everything below happens between the approval and the claim.
    runs = {name: await town.roll_back(name, "v41") for name in ("released", "recovered", "unchanged")}
    runs["rewritten"] = await town.poke("rewritten")
    for execution in runs.values():
        await town.decide(execution)
    await town.deploy("released", "v43", "v41")
    await town.clear(alerts["recovered"])
    await town.ask("PUT", "/playbooks/poke", {**POKE, "title": "Poke it harder"})
    town.worker()

    expected = {
        "released": "released runs v43 by now, not v42",
        "recovered": "the symptom is gone: it recovered alone",
    }
    for name, fault in expected.items():
        row = await town.reached(runs[name], "invalidated")
        assert row["result"]["fault"] == fault
        assert (await town.approval(runs[name]))["state"] == "superseded"
        await town.decide(runs[name], status=409)
    row = await town.reached(runs["rewritten"], "superseded")
    assert row["result"]["rules_changed"] == "playbook poke version 2"
    await town.decide(runs["rewritten"], status=409)
    await town.reached(runs["unchanged"], *WELL)
    assert town.target.all_received() == {runs["unchanged"]: 1}
