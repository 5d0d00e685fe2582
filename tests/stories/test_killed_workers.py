"""Workers killed with -9 at the worst moments: the action is attempted at most once, and each run ends as drawn."""

from datetime import datetime

import pytest

from tests.stories.town import SHORT_LEASE_S, Town

WELL = ("verifying", "verified", "stable")


async def approved(town: Town, *, probe: bool = True) -> str:
    """A poke of the shop, proposed by a person and approved, that no worker has seen."""
    await town.furnish(["shop"], probe=probe, timings={"settle_s": 3600, "lease_s": SHORT_LEASE_S})
    await town.fire("shop")
    execution = await town.poke("shop")
    await town.decide(execution)
    return execution


async def killed_at(town: Town, point: str, *, probe: bool = True) -> str:
    """The same, after a worker died at a named point of executing it."""
    execution = await approved(town, probe=probe)
    assert await town.died(town.worker(NIGHTSHIFT_CRASHPOINT=f"{point}:1")) == -9
    return execution


async def test_killed_while_waiting_for_approval(town: Town) -> None:
    """The card, its approval and the thread outlive the worker."""
    await town.furnish(["shop"])
    first = town.worker()
    await town.deploy("shop", "v42", "v41")
    alerts = await town.fire("shop", number=5)
    number = (await town.incident("shop"))["number"]
    execution = await town.card(number)
    town.kill(first)
    await town.decide(execution)
    town.worker()

    await town.reached(execution, *WELL)
    await town.clear(alerts)
    await town.reached(execution, "stable")
    [end] = await town.ends(number)
    assert end["reason"] == "stable"
    assert len(await town.events(number, "approval.requested")) == 1
    assert town.target.received(execution) == 1


@pytest.mark.parametrize("point", ["claimed", "before_intent"])
async def test_killed_before_the_intent_another_worker_goes_on(town: Town, point: str) -> None:
    execution = await killed_at(town, point)
    assert town.target.received(execution) == 0
    town.worker()

    await town.reached(execution, *WELL)
    assert (await town.path(execution))[2:8] == ["approved", "claimed", "approved", "claimed", "running", "succeeded"]
    assert town.target.received(execution) == town.target.effects(execution) == 1
    row = await town.execution(execution)
    assert row["token"] == 2
    assert [audit["reason"] for audit in row["audit"]][4] == "lease_lost_before_intent"


async def test_killed_before_the_send_is_unknown_and_the_probe_says_that_nothing_happened(town: Town) -> None:
    execution = await killed_at(town, "running")
    town.worker()

    row = await town.reached(execution, "failed")
    assert (await town.path(execution))[3:] == ["claimed", "running", "unknown", "failed"]
    assert row["audit"][-1]["reason"] == "probe_saw_no_effect"
    waited = row["audit"][-1]["at"], row["audit"][-3]["at"]
    assert seconds_between(*waited) > SHORT_LEASE_S, "no effect is concluded only after the margin"
    assert town.target.received(execution) == 0
    assert await town.outcome(execution) == "failed"
    # Its resource is free again, for a new execution with a new approval.
    again = await town.poke("shop")
    await town.decide(again)
    await town.reached(again, *WELL)
    assert town.target.all_received() == {again: 1}


async def test_killed_after_the_answer_is_unknown_and_the_probe_saw_the_effect(town: Town) -> None:
    execution = await killed_at(town, "acted")
    assert town.target.received(execution) == 1
    town.worker()

    row = await town.reached(execution, *WELL)
    assert (await town.path(execution))[3:8] == ["claimed", "running", "unknown", "succeeded", "verifying"]
    assert row["audit"][6]["reason"] == "probe_saw_effect"
    assert town.target.received(execution) == town.target.effects(execution) == 1


@pytest.mark.parametrize("happened", [True, False])
async def test_without_a_probe_a_person_has_to_look(town: Town, happened: bool) -> None:
    execution = await killed_at(town, "acted" if happened else "running", probe=False)
    town.worker()

    await town.reached(execution, "needs_human")
    number = (await town.incident("shop"))["number"]
    body = {"playbook_id": "poke", "parameters": {"service": "shop"}}
    refused = await town.ask("POST", f"/incidents/{number}/propose", body, status=403)
    assert refused["reason"] == "open_execution", "its resource is blocked until somebody has looked"

    seen = {"happened": happened, "reason": "looked at the service itself"}
    await town.ask("POST", f"/executions/{execution}/checked", seen, who="on-call")
    row = await town.reached(execution, *(WELL if happened else ("failed",)))
    [audit] = [one for one in row["audit"] if one["reason"] == "checked_by_person"]
    assert audit["actor"] == "person:on-call"
    await town.ask("POST", f"/executions/{execution}/checked", seen, who="on-call", status=409)
    assert town.target.received(execution) == int(happened)
    if not happened:
        again = await town.poke("shop")
        await town.decide(again)
        await town.reached(again, *WELL, "needs_human")
        assert town.target.received(again) == 1


def seconds_between(later: str, earlier: str) -> float:
    """Between two moments of the API."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
