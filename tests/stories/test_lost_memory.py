"""Every checkpoint of the agent's memory deleted, at two moments: the tables are the truth, so nothing is lost."""

from tests.stories.town import ROLLBACK, Town

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def forget(town: Town) -> int:
    """Delete the whole memory; how many rows there were."""
    gone = [len(town.rows(f"DELETE FROM checkpoints.{table} RETURNING 1 AS one")) for table in TABLES]
    return sum(gone)


async def test_threads_are_rebuilt_from_the_tables(town: Town) -> None:
    await town.furnish(["shop"], timings={"watch_s": 2})
    town.worker()
    await town.deploy("shop", "v42", "v41")
    alerts = await town.fire("shop", number=3)
    number = (await town.incident("shop"))["number"]
    execution = await town.card(number)

    assert forget(town) > 0, "the thread waits, so it has a memory"
    # Told to look again, it finds its own proposal and waits for the same approval.
    await town.ask("POST", f"/incidents/{number}/diagnose", status=202)
    await town.is_waiting()
    await town.decide(execution)
    await town.reached(execution, "verifying")
    forget(town)
    await town.clear(alerts)
    await town.reached(execution, "stable")

    [end] = await town.ends(number)
    assert (end["reason"], end["body"]["attempt"]) == ("stable", 1)
    await town.is_resolved(number)
    runs = (await town.ask("GET", "/executions", incident=number))["items"]
    assert [row["id"] for row in runs] == [execution], "nothing was proposed twice"
    for kind in ("run.started", "diagnosis", "decision", "approval.requested", "verdict", "learned", "run.finished"):
        assert len(await town.events(number, kind)) == 1, kind
    assert [page["kind"] for page in town.target.pages] == ["page", "card"]
    assert town.target.received(execution) == 1


async def test_a_thread_that_was_lost_goes_on_to_its_second_attempt(town: Town) -> None:
    """The first fix does not help; the memory is gone by then; the second attempt is proposed once."""
    await town.furnish(["shop"])
    await town.ask("PUT", "/playbooks/rollback-bad-release", {**ROLLBACK, "verify_within_s": 1.5})
    town.worker()
    await town.deploy("shop", "v42", "v41")
    alerts = await town.fire("shop", number=3)
    number = (await town.incident("shop"))["number"]
    first = await town.card(number)
    await town.decide(first)
    await town.reached(first, "verifying")
    forget(town)
    await town.reached(first, "ineffective")

    second = await town.card(number, nth=2)
    assert second != first
    ends = await town.ends(number)
    assert [(end["reason"], end["body"]["again"]) for end in ends] == [("ineffective", True)]
    await town.decide(second, "reject")
    ends = await town.ends(number, times=2)
    assert [end["body"]["attempt"] for end in ends] == [1, 2]
    assert len((await town.ask("GET", "/executions", incident=number))["items"]) == 2
    assert town.target.all_received() == {first: 1}
    await town.clear(alerts)
    await town.is_resolved(number)
