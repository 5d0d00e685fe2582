"""Acting without being asked: only in the name of a person, inside every limit, and never past the kill switch."""

from typing import Any
from uuid import UUID

import pytest

from core.diagnosis import Cause, Diagnosis
from core.execution import State
from core.intent import Intent
from core.proposal import Basis, Choice
from core.rates import Outcome, TrackRecord
from engine.voiding import void_open
from store import executions, gate, policies, standing
from store.pool import Row
from store.site import set_switch
from tests.engine.ward import Ward
from tools.act.proposals import Wish, submit

DAY_S = 86_400.0


async def helped(ward: Ward, service: str, *outcomes: str, playbook: str = "poke") -> None:
    """What is on record of this playbook, on trouble like that of the service."""
    incident = await ward.incident(service)
    for number, outcome in enumerate(outcomes):
        intent = Intent(
            "http", playbook, 1, {"n": number}, f"service:test/old-{number}", "", "x", str(incident["id"]), 1
        )
        values = {
            "incident_id": incident["id"], "attempt": 100 + number, "origin": "person", "requester": "carer",
            "signature": incident["signature"], "environment": incident["environment"],
        }  # fmt: skip
        async with ward.store.begin() as conn:
            row, _ = await executions.propose(conn, intent, values)
            await executions.learn(conn, row["id"], Outcome(outcome))


async def stand(ward: Ward, person: str = "keeper", *, playbook: str = "poke", **limits: Any) -> UUID:
    """A person lets the playbook act unasked."""
    if person not in ward.people:
        await ward.add_person(person, "operator")
    [row] = await ward.rows("SELECT max(version) AS version FROM playbooks WHERE id = %s", playbook)
    values = {
        "playbook_id": playbook, "playbook_version": row["version"], "person_id": ward.people[person].id,
        "reason": "it always helps", "environments": ["*"], "services": ["*"], "actions_per_hour_max": 3,
        "expires_s": DAY_S, **limits,
    }  # fmt: skip
    async with ward.store.begin() as conn:
        made = await standing.add(conn, values, by=f"person:{person}")
    return UUID(str(made["id"]))


async def wish(
    ward: Ward, service: str, *, of: str = "", attempt: int = 1, playbook: str = "poke", origin: str = "thread"
) -> Row:
    """What the agent's thread would ask for, on a service, in its own incident or in that `of` another."""
    incident = await ward.incident(of or service)
    diagnosis = Diagnosis(Cause.UNKNOWN, service, "it is slow", (), (), confirmed=False)
    wanted = Wish(
        incident, attempt, origin, "nightshift", playbook, {"service": service, "times": 1}, diagnosis,
        Choice(None, Basis.NONE, TrackRecord()),
    )  # fmt: skip
    async with ward.store.begin() as conn:
        return await submit(conn, await ward.house.site(), wanted)


async def proven(ward: Ward, *outcomes: str, **limits: Any) -> str:
    """A service in trouble, a playbook that has helped nine times, and a person who stands for it."""
    service = await ward.add_service()
    await helped(ward, service, *(outcomes or ("stable",) * 9))
    await stand(ward, **limits)
    return service


async def test_what_has_helped_often_is_done_at_once_and_names_who_stands_for_it(ward: Ward) -> None:
    service = await proven(ward)
    row = await wish(ward, service)
    assert (row["state"], row["decision"]["verb"]) == (State.APPROVED, "auto")
    approval = await ward.approval(row["id"])
    assert (approval["state"], approval["kind"], approval["granted_by"]) == ("approved", "standing", "keeper")
    [vote] = await ward.rows("SELECT * FROM approval_votes WHERE approval_id = %s", approval["id"])
    assert vote["person_id"] == ward.people["keeper"].id
    await ward.work()
    assert (await ward.execution(row["id"]))["state"] in (State.SUCCEEDED, State.VERIFYING)
    assert ward.target.effects(str(row["id"])) == 1
    await ward.clear(service)
    await ward.reached(row["id"], "stable")
    await ward.work()
    assert (await ward.execution(row["id"]))["outcome"] == "stable"
    decided = await ward.told(service, "approval.decided")
    assert decided[0]["actor"] == "person:keeper"
    assert decided[0]["body"]["via"].startswith("standing approval ")
    [audited] = [step for step in await ward.audit(row["id"]) if step["to_state"] == "approved"]
    assert (audited["reason"], audited["actor"]) == ("standing_approval", "person:keeper")


@pytest.mark.parametrize(
    ("outcomes", "limits", "said"),
    [
        (("stable",) * 4, {}, "it helped 4 times here, at least 5 are needed"),
        (("stable",) * 6 + ("ineffective",) * 6, {}, "it helped 6 of 12 times, which may be as low as"),
        ((), {"services": ["other*"]}, "it is not for svc-0"),
        ((), {"environments": ["staging"]}, "it is not for the environment test"),
        ((), {"playbook_version": 1, "_newer": True}, "it is for version 1, the playbook is at 2"),
    ],
)
async def test_outside_its_limits_people_are_asked(
    ward: Ward, outcomes: tuple[str, ...], limits: dict[str, Any], said: str
) -> None:
    newer = limits.pop("_newer", False) if (limits := dict(limits)) else False
    service = await proven(ward, *outcomes, **limits)
    if newer:
        await ward.put_playbook(id="poke", title="Poke it gently")
    row = await wish(ward, service)
    assert (row["state"], row["decision"]["guardrail"]) == (State.AWAITING_APPROVAL, "tier")
    assert f"a standing approval does not hold: {said}" in row["decision"]["detail"]
    assert (await ward.approval(row["id"]))["kind"] == "people"


async def test_without_a_standing_approval_the_best_record_changes_nothing(ward: Ward) -> None:
    service = await ward.add_service()
    await helped(ward, service, *("stable",) * 30)
    assert (await wish(ward, service))["state"] == State.AWAITING_APPROVAL


async def test_what_a_person_asks_for_is_decided_by_a_person(ward: Ward) -> None:
    service = await proven(ward)
    row = await wish(ward, service, origin="person")
    assert row["state"] == State.AWAITING_APPROVAL
    assert "what a person asks for is decided by a person" in row["decision"]["detail"]


async def test_what_destroys_is_never_done_unasked(ward: Ward) -> None:
    service = await ward.add_service()
    await helped(ward, service, *("stable",) * 9, playbook="hammer")
    await stand(ward, playbook="hammer")
    row = await wish(ward, service, playbook="hammer")
    assert (row["state"], row["decision"]["approvers"]) == (State.AWAITING_APPROVAL, 2)


async def test_it_expires(ward: Ward) -> None:
    service = await proven(ward, expires_s=60.0)
    ward.clock.advance(61)
    assert (await wish(ward, service))["state"] == State.AWAITING_APPROVAL


async def test_it_is_used_only_so_often_in_an_hour(ward: Ward) -> None:
    service = await proven(ward, actions_per_hour_max=1)
    first = await wish(ward, service)
    await ward.work()
    await ward.clear(service)
    await ward.reached(first["id"], "stable")
    again = await proven_again(ward)
    asked = await wish(ward, again)
    assert (asked["state"], asked["decision"]["verb"]) == (State.AWAITING_APPROVAL, "ask")
    assert "it was used 1 times in the last hour, its limit" in asked["decision"]["detail"]
    ward.clock.advance(3_600)
    later = await proven_again(ward)
    assert (await wish(ward, later))["state"] == State.APPROVED


async def proven_again(ward: Ward) -> str:
    """The same trouble at another service, with the record that is there."""
    service = await ward.add_service()
    await helped(ward, service, *("stable",) * 9)
    return service


async def test_two_at_once_are_counted_at_the_gate(ward: Ward) -> None:
    """Both were let through before either acted; the second is held when it wants to begin."""
    one = await proven(ward, actions_per_hour_max=1)
    two = await proven_again(ward)
    first, second = await wish(ward, one), await wish(ward, two)
    assert [first["state"], second["state"]] == [State.APPROVED, State.APPROVED]
    await ward.execute(first["id"])
    await ward.execute(second["id"])
    states = [(await ward.execution(row["id"]))["state"] for row in (first, second)]
    assert states[0] in (State.SUCCEEDED, State.VERIFYING)
    assert states[1] == State.INVALIDATED


async def test_the_kill_switch_beats_it(ward: Ward) -> None:
    service = await proven(ward)
    async with ward.store.begin() as conn:
        await set_switch(conn, "kill", True, by="test", reason="stop")
    row = await wish(ward, service)
    assert (row["state"], row["decision"]["guardrail"]) == (State.DENIED, "kill_switch")


@pytest.mark.parametrize("how", ["kill", "end", "disable", "policy", "observe"])
async def test_whatever_stops_it_stops_what_has_not_begun(ward: Ward, how: str) -> None:
    service = await ward.add_service()
    await helped(ward, service, *("stable",) * 9)
    given = await stand(ward)
    row = await wish(ward, service)
    assert row["state"] == State.APPROVED
    async with ward.store.begin() as conn:
        if how in ("kill", "observe"):
            name = "kill" if how == "kill" else "observe_only"
            await set_switch(conn, name, True, by="test", reason="stop")
        elif how == "end":
            assert await standing.end(conn, given, by="test", reason="stop")
        elif how == "disable":
            await conn.execute("UPDATE persons SET disabled_at = store.now() WHERE name = 'keeper'")
        else:
            await gate.lock(conn)
            await policies.apply(conn, {"auto": {"allowed": False}}, "test")
            assert await void_open(conn, "policy", by="test") == 1
    await ward.execute(row["id"])
    after = State.SUPERSEDED if how == "policy" else State.INVALIDATED
    assert (await ward.execution(row["id"]))["state"] == after
    assert "running" not in await ward.path(row["id"])


async def test_a_new_policy_rules_at_the_claim_even_for_what_was_proposed_at_that_moment(ward: Ward) -> None:
    """Nobody voided it; the version in what was approved is enough."""
    service = await ward.add_service()
    key = await ward.approved(service)
    async with ward.store.begin() as conn:
        await policies.apply(conn, {"actions_per_hour_max": 19}, "test")
    await ward.execute(key)
    assert (await ward.execution(key))["state"] == State.INVALIDATED
    assert "running" not in await ward.path(key)


@pytest.mark.parametrize("joined", [True, False])
async def test_a_heal_with_an_alarm_next_door_stops_the_next_one_and_calls_a_person(ward: Ward, joined: bool) -> None:
    """Whether the trouble next door has joined the incident that is being healed, or is one of its own."""
    await ward.furnish(timings={**ward.site["timings"], "reopen_s": 0 if joined else 3600})
    first, front = await ward.add_service(), await ward.add_service()
    await ward.clear(front)
    resolved = "UPDATE incidents SET state = 'resolved', resolved_at = store.now() WHERE service = %s"
    await ward.rows(resolved, front)
    ward.clock.advance(10)
    if joined:
        await join(ward, first, front)
    key = await ward.approved(first)
    await ward.execute(key)
    ward.clock.advance(2)
    await ward.alert(front, name="Broken")
    if not joined:
        await join(ward, first, front)
    row = await wish(ward, front, of=first if joined else front)
    assert (row["state"], row["decision"]["guardrail"]) == (State.DENIED, "cascade")
    assert f"{front} alarmed 2 s after execution {key} acted on {first}" in row["decision"]["detail"]
    of = first if joined else front
    assert (await ward.incident(of))["state"] == "escalated"
    assert [told["reason"] for told in await ward.told(of, "incident.escalated")] == ["cascade"]


async def join(ward: Ward, service: str, upstream: str) -> None:
    """The topology says that one needs the other."""
    needs = {"kind": "http", "depends_on": [service]}
    await ward.furnish(services={**ward.site["services"], upstream: needs})
