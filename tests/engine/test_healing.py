"""One action from the claim to what it taught, step by step, under the test's clock."""

import contextlib

import pytest

from core.cascade import LAG_S
from core.errors import IllegalTransition
from core.execution import Reason, State
from engine import revising, sweeping
from store import executions, playbooks
from tests.engine.ward import ACTION_S, EVERY_S, LEASE_S, POKE, Ward
from tests.stories.target import Manner


async def verified(ward: Ward, service: str) -> object:
    """A poke that helped: its alert ended after it."""
    key = await ward.approved(service)
    await ward.run(EVERY_S)
    await ward.run(3 * EVERY_S)
    await ward.clear(service)
    await ward.reached(key, "verified")
    return key


async def test_from_the_yes_to_stable(ward: Ward) -> None:
    service = await ward.add_service()
    key = await verified(ward, service)
    await ward.run(10)
    assert await ward.path(key) == [
        "proposed", "awaiting_approval", "approved", "claimed", "running", "succeeded", "verifying", "verified",
        "stable",
    ]  # fmt: skip
    row = await ward.execution(key)
    assert (row["outcome"], ward.target.effects(str(key))) == ("stable", 1)
    reasons = [step["reason"] for step in await ward.audit(key)]
    assert reasons[-3:] == ["verification_started", "signals_good", "stayed_good"]
    assert len(reasons) == len(await ward.path(key)), "one row of the audit for each step"


async def test_a_job_for_what_is_not_approved_changes_nothing(ward: Ward) -> None:
    service = await ward.add_service()
    asked = (await ward.ask(service))["id"]
    await ward.execute(asked)
    assert await ward.path(asked) == ["proposed", "awaiting_approval"]
    await ward.decide(asked, verdict="reject")
    done = await ward.approved(service)
    await ward.run(30)
    before = await ward.path(done)
    assert before[-1] == "ineffective"
    for key in (asked, done):
        await ward.execute(key)
    assert (await ward.path(asked))[-1] == "rejected"
    assert await ward.path(done) == before


async def test_whose_lease_is_over_commits_no_intent(ward: Ward) -> None:
    service = await ward.add_service()
    key = await ward.approved(service)
    async with ward.store.begin() as conn:
        claimed = await executions.claim(conn, key, "a slow worker", lease_s=5)
    assert claimed
    ward.clock.advance(6)
    async with ward.store.begin() as conn:
        assert await executions.commit_intent(conn, key, claimed["token"], lease_s=5) is None


async def test_a_worker_with_an_old_token_moves_nothing(ward: Ward) -> None:
    service = await ward.add_service()
    key = await ward.approved(service)
    async with ward.store.begin() as conn:
        first = await executions.claim(conn, key, "a paused worker", lease_s=5)
        assert first
        await executions.move(conn, key, State.CLAIMED, State.APPROVED, Reason.LEASE_LOST_BEFORE_INTENT)
        second = await executions.claim(conn, key, "its successor", lease_s=5)
    assert second
    assert second["token"] > first["token"]
    for token, works in ((first["token"], False), (second["token"], True)):
        async with ward.store.begin() as conn:
            assert (await executions.commit_intent(conn, key, token, lease_s=5) is not None) is works
        with contextlib.nullcontext() if works else pytest.raises(IllegalTransition):
            async with ward.store.begin() as conn:
                await executions.move(conn, key, State.CLAIMED, State.RUNNING, Reason.INTENT_COMMITTED, token=token)


async def test_what_was_over_before_the_action_teaches_nothing(ward: Ward) -> None:
    """The sender tells late that its alert had ended before anything was sent."""
    service = await ward.add_service()
    ward.clock.advance(60)
    key = await ward.approved(service)
    await ward.run(3 * EVERY_S)
    assert (await ward.execution(key))["state"] == "verifying"
    ward.clock.advance(-30)
    await ward.clear(service)
    ward.clock.advance(30)
    await ward.reached(key, "stable", "ineffective", "inconclusive")
    await ward.run(2)
    row = await ward.execution(key)
    assert (row["state"], row["outcome"]) == ("stable", "recovered_alone")
    [told] = await ward.told(service, "verdict")
    assert told["reason"] == "recovered_alone"


async def test_trouble_that_stays_is_ineffective(ward: Ward) -> None:
    service = await ward.add_service()
    key = await ward.approved(service)
    await ward.reached(key, "ineffective")
    await ward.run(2)
    assert (await ward.execution(key))["outcome"] == "ineffective"


async def test_trouble_that_comes_back_is_a_regression_and_the_way_back_is_said(ward: Ward) -> None:
    service = await ward.add_service()
    key = await verified(ward, service)
    await ward.alert(service)
    await ward.reached(key, "regressed")
    await ward.run(2)
    assert (await ward.execution(key))["outcome"] == "regressed"
    await ward.work()
    [told] = await ward.told(service, "rollback.proposed")
    assert told["reason"] == "came_back"


async def test_a_watch_whose_signals_stay_away_ends_and_says_that_it_saw_nothing(ward: Ward) -> None:
    """It was verified, so that is what it stays; but nobody watches it for ever, and nothing is learned of it."""
    service = await ward.add_service()
    key = await verified(ward, service)
    await ward.alert(service)
    silent = "INSERT INTO stale_alerts (alert_id, since) SELECT id, now() FROM alerts WHERE service = %s"
    await ward.rows(silent + " AND ended_at IS NULL", service)
    await ward.run(20)
    assert (await ward.execution(key))["outcome"] is None, "it is watched for longer than its window first"
    await ward.run(20)
    row = await ward.execution(key)
    assert (row["state"], row["outcome"]) == ("verified", "inconclusive")
    assert [told["reason"] for told in await ward.told(service, "verdict")][-1] == "watch_without_data"
    [audit] = await ward.rows("SELECT * FROM audit WHERE action = 'execution.watch_ended'")
    assert audit["reason"] == "watch_without_data"
    checks = await ward.rows("SELECT count(*) AS n FROM checks WHERE execution_id = %s", key)
    await ward.run(60)
    assert await ward.rows("SELECT count(*) AS n FROM checks WHERE execution_id = %s", key) == checks
    assert (await ward.execution(key))["outcome"] == "inconclusive"


@pytest.mark.parametrize("again", [False, True])
async def test_a_neighbour_that_alarms_after_the_action_stops_its_watch(ward: Ward, again: bool) -> None:
    """Whether its trouble joins the incident that is being healed, or is one of before that opens again."""
    await ward.furnish(timings={**ward.site["timings"], "reopen_s": 3600 if again else 0})
    service = await ward.add_service()
    upstream = await ward.add_service()
    await ward.clear(upstream)
    over = "UPDATE incidents SET state = 'resolved', resolved_at = store.now() WHERE service = %s"
    await ward.rows(over, upstream)
    ward.clock.advance(10)
    services = {**ward.site["services"], upstream: {"kind": "http", "depends_on": [service]}}
    await ward.furnish(services=services)
    async with ward.store.begin() as conn:
        await playbooks.put(conn, "poke", {**POKE, "verify_within_s": 4 * LAG_S}, source="api", by="test")
    key = await ward.approved(service)
    await ward.run(3 * EVERY_S)
    assert (await ward.execution(key))["state"] == "verifying"
    await ward.alert(upstream, name="Broken")
    await ward.run(3 * EVERY_S)
    if not again:  # who calls the service trails behind for a moment, which is no cascade yet
        assert (await ward.execution(key))["state"] == "verifying"
        await ward.run(LAG_S, step_s=5 * EVERY_S)
    row = await ward.execution(key)
    assert (row["state"], row["result"].get("alarm") is not None) == ("ineffective", True), await ward.path(key)
    assert (await ward.audit(key))[-1]["reason"] == "cascade"
    shown_at = upstream if again else service
    assert [told["reason"] for told in await ward.told(shown_at, "cascade")] == ["cascade"]
    await ward.work()
    assert await ward.told(service, "rollback.proposed")


async def test_killed_at_each_point_nothing_is_sent_twice(ward: Ward) -> None:
    for point, calls in (("claimed", 1), ("before_intent", 1), ("running", 0), ("acted", 1)):
        service = await ward.add_service()
        key = await ward.approved(service)
        with ward.dying(point):
            await ward.execute(key)
        await ward.run(30)
        path = await ward.path(key)
        assert ward.target.received(str(key)) == calls, (point, path)
        assert path.count("running") == 1, (point, path)
        assert ("unknown" in path) == (point in ("running", "acted")), (point, path)
        assert path[-1] in ("failed", "ineffective"), (point, path)


async def test_none_is_stuck_beyond_its_lease_and_ten_seconds(ward: Ward) -> None:
    service = await ward.add_service()
    key = await ward.approved(service)
    with ward.dying("acted"):
        await ward.execute(key)
    until = (await ward.execution(key))["lease_until"]
    ward.clock.now = until
    await ward.work()
    assert (await ward.execution(key))["state"] == "running"
    ward.clock.advance(EVERY_S)
    await ward.work()
    assert (await ward.execution(key))["state"] in ("unknown", "succeeded")


async def test_who_hangs_with_one_incident_in_hand_keeps_no_other_lost_lease_from_its_end(ward: Ward) -> None:
    services = [await ward.add_service() for _ in range(2)]
    keys = [await ward.approved(service) for service in services]
    for key in keys:
        with ward.dying("acted"):
            await ward.execute(key)
    first, second = [await ward.execution(key) for key in keys]
    ward.clock.now = max(first["lease_until"], second["lease_until"])
    ward.clock.advance(EVERY_S)
    async with ward.store.begin() as hanging:
        await hanging.execute("SELECT 1 FROM incidents WHERE id = %s FOR UPDATE", [first["incident_id"]])
        await sweeping.sweep(ward.house)
        assert [(await ward.execution(key))["state"] for key in keys] == ["running", "unknown"]
    await sweeping.sweep(ward.house)
    assert [(await ward.execution(key))["state"] for key in keys] == ["unknown", "unknown"]


async def test_a_late_worker_does_not_overrule_and_the_logbook_knows_the_answer(ward: Ward) -> None:
    """Without a probe only a person could tell, if the worker had not written the answer down before it died."""
    service = await ward.add_service(probe_url="")
    key = await ward.approved(service)
    with ward.dying("acted"):
        await ward.execute(key)
    ward.house.logbook.write("answer", execution_id=str(key), token=1, effect="done", said="200")
    await ward.run(10)
    assert (await ward.path(key))[4:7] == ["running", "unknown", "succeeded"]
    assert "logbook_has_answer" in [step["reason"] for step in await ward.audit(key)]


async def test_the_answer_of_another_token_is_no_answer(ward: Ward) -> None:
    service = await ward.add_service(probe_url="")
    key = await ward.approved(service)
    with ward.dying("running"):
        await ward.execute(key)
    ward.house.logbook.write("answer", execution_id=str(key), token=9, effect="done", said="200")
    forged = ward.house.logbook.directory / "logbook.jsonl"
    line = f'{{"line":{{"effect":"done","execution_id":"{key}","kind":"answer","token":1}},"mark":"{"0" * 64}"}}\n'
    forged.write_text(forged.read_text() + line)
    await ward.run(10)
    assert (await ward.execution(key))["state"] == "needs_human"
    await ward.checked(key, happened=False)
    await ward.run(1)
    assert (await ward.execution(key))["outcome"] == "failed"
    with pytest.raises(IllegalTransition):
        await ward.checked(key, happened=True)


async def test_where_the_logbook_cannot_be_written_nothing_is_sent(ward: Ward) -> None:
    service = await ward.add_service()
    key = await ward.approved(service)
    ward.house.logbook.directory.write_text("a file is in the way")
    await ward.execute(key)
    assert ward.target.received(str(key)) == 0
    assert (await ward.execution(key))["state"] == "failed"


async def test_edit_makes_a_new_approval_and_voids_the_old_one(ward: Ward) -> None:
    service = await ward.add_service()
    key = (await ward.ask(service))["id"]
    old, site = await ward.approval(key), await ward.house.site()
    async with ward.store.begin() as conn:
        made = await revising.edit(
            conn, site, old["id"], ward.people["second"], intent_hash=old["intent_hash"], parameters={"times": 3},
            reason="once is not enough",
        )  # fmt: skip
    new, old = await ward.approval(made["id"]), await ward.approval(key)
    assert (old["state"], old["replaced_by"]) == ("superseded", new["id"])
    assert (new["state"], new["intent_hash"] != old["intent_hash"]) == ("pending", True)
    assert (await ward.execution(key))["state"] == "superseded"
    assert (await ward.execution(made["id"]))["requester"] == "second"
    await ward.decide(made["id"], "first")
    await ward.work()
    [call] = [row for row in ward.target.log if row["event"] == "received"]
    assert (call["key"], call["body"]) == (str(made["id"]), {"service": service, "times": 3})


async def test_broken_glass_stands_for_two_and_is_loud(ward: Ward) -> None:
    await ward.furnish(channels=[{"id": "pager", "kind": "webhook", "url": f"{ward.target.url}/page"}])
    service = await ward.add_service()
    key = (await ward.ask(service, "hammer"))["id"]
    approval, site = await ward.approval(key), await ward.house.site()
    reason = "the shop is on fire and nobody else is awake"
    async with ward.store.begin() as conn:
        await revising.break_glass(
            conn, site, approval["id"], ward.people["first"], intent_hash=approval["intent_hash"], reason=reason
        )
    await ward.work()
    assert ward.target.effects(str(key)) == 1
    approval = await ward.approval(key)
    assert (approval["kind"], approval["granted_by"], approval["reason"]) == ("break_glass", "first", reason)
    [audit] = await ward.rows("SELECT * FROM audit WHERE action = 'approval.break_glass'")
    assert (audit["actor"], audit["reason"]) == ("person:first", reason)
    [queued] = await ward.rows("SELECT * FROM notifications WHERE kind = 'break_glass'")
    assert reason in str(queued["body"])
    assert (await ward.audit(key))[2]["reason"] == "glass_broken"


async def test_that_nothing_happened_is_only_believed_when_no_call_can_be_under_way(ward: Ward) -> None:
    service = await ward.add_service()
    ward.target.manners[service] = Manner(answer=0, effect=False)
    key = await ward.approved(service)
    await ward.execute(key)
    for _ in range(3):
        await ward.run(EVERY_S)
        assert (await ward.execution(key))["state"] == "unknown"
    await ward.reached(key, "failed")
    steps = {step["to_state"]: step for step in await ward.audit(key)}
    assert (steps["failed"]["at"] - steps["running"]["at"]).total_seconds() >= ACTION_S + LEASE_S
    assert steps["failed"]["reason"] == "probe_saw_no_effect"


async def test_unknown_blocks_its_resource_until_somebody_has_looked(ward: Ward) -> None:
    service = await ward.add_service(probe_url="")
    ward.target.manners[service] = Manner(answer=0)
    key = await ward.approved(service)
    other = await ward.approved(service)
    await ward.execute(key)
    await ward.run(10)
    assert (await ward.execution(key))["state"] == "needs_human"
    assert ward.target.received(str(other)) == 0
    await ward.checked(key, happened=True)
    await ward.run(30)
    assert ward.target.received(str(key)) == 1
