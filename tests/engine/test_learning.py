"""Learning on a real database: each outcome once, whoever learns it and how often; drafts and the shadow never act."""

import asyncio
import contextlib
from uuid import UUID

import pytest

from core.diagnosis import Cause, Diagnosis
from core.execution import State
from core.proposal import Basis, Choice
from core.rates import TrackRecord
from engine import verifying
from engine.incidents import resolve_incident
from store import diagnoses, incidents, learning
from store.pool import Row
from store.site import set_switch
from tests.engine.ward import Ward
from tools.act.proposals import Wish, submit

SIGNATURE = "v1|HighErrorRate|http|errors"
FOUND = {"cause": "bad_release", "service": "shop", "summary": "it broke", "evidence": []}


async def proposed(ward: Ward, service: str, *, attempt: int = 1, origin: str = "person", found: bool = True) -> Row:
    """The proposal of a poke on a service's incident, by the agent or a person."""
    row = await ward.incident(service)
    async with ward.store.begin() as conn:
        await incidents.describe(conn, row["id"], title="HighErrorRate", signature=SIGNATURE, service=service)
        if found:
            await diagnoses.put(conn, row["id"], attempt, FOUND)
        incident = await incidents.get(conn, row["id"])
        diagnosis = Diagnosis(Cause.BAD_RELEASE, service, "it broke", (), (), confirmed=True)
        wish = Wish(
            incident, attempt, origin, "agent" if origin == "thread" else "carer", "poke",
            {"service": service, "times": 1}, diagnosis, Choice(None, Basis.NONE, TrackRecord()),
        )  # fmt: skip
        return await submit(conn, await ward.house.site(), wish)


async def ended(ward: Ward, state: str) -> UUID:
    """An execution on a service of its own that is in this state, and not learned from yet."""
    row = await proposed(ward, await ward.add_service())
    await ward.damage("executions", row["id"], state=state)
    key: UUID = row["id"]
    return key


async def settle(ward: Ward, *keys: UUID) -> None:
    """Learners, all at once."""
    await asyncio.gather(*(verifying.settle(ward.house, str(key)) for key in keys))


async def of_kind(ward: Ward, kind: str) -> list[Row]:
    return await ward.rows("SELECT * FROM timeline WHERE kind = %s ORDER BY at, seq", kind)


async def test_a_heal_is_learned_once_however_many_learn_it_at_the_same_moment(ward: Ward) -> None:
    service = await ward.add_service()
    key = await ward.approved(service)
    await ward.work()
    await ward.clear(service)
    await ward.reached(key, "stable")
    await settle(ward, *[key] * 16)
    row = await ward.execution(key)
    assert row["outcome"] == "stable"
    await settle(ward, *[key] * 4)
    again = await ward.execution(key)
    assert (again["outcome"], again["learned_at"]) == (row["outcome"], row["learned_at"])
    [told] = await of_kind(ward, "learned")
    assert told["body"]["record"] == "1 of 1 (21-100 %) on this service"
    assert len(await ward.rows("SELECT 1 FROM fixes")) == 1


async def test_learners_that_die_at_any_moment_leave_all_or_nothing(ward: Ward) -> None:
    key = await ended(ward, "stable")
    for step in range(24):
        learner = asyncio.create_task(verifying.settle(ward.house, str(key)))
        await asyncio.sleep(step * 0.001)
        learner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await learner
        known = (await ward.execution(key))["outcome"] is not None
        assert len(await of_kind(ward, "learned")) == len(await ward.rows("SELECT 1 FROM fixes")) == known
    await settle(ward, key)
    assert (await ward.execution(key))["outcome"] == "stable"
    assert len(await of_kind(ward, "learned")) == len(await ward.rows("SELECT 1 FROM fixes")) == 1


async def test_the_success_counter_is_the_number_of_stable_outcomes(ward: Ward) -> None:
    states = [
        *["stable"] * 5,
        *["ineffective"] * 3,
        *["regressed"] * 2,
        *["failed"] * 2,
        "unknown",
        "denied",
        "expired",
    ]
    keys = [await ended(ward, state) for state in states]
    await settle(ward, *keys, *reversed(keys))
    [counted] = await ward.rows("SELECT count(*) AS stable FROM executions WHERE outcome = 'stable'")
    async with ward.store.begin() as conn:
        outcomes = [row["outcome"] for row in await learning.history(conn, signature=SIGNATURE)]
    assert outcomes.count("stable") == counted["stable"] == 5
    told = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
    assert told == {"stable": 5, "ineffective": 3, "regressed": 2, "failed": 2, "unknown": 1}
    unlearned = await ward.rows("SELECT state FROM executions WHERE outcome IS NULL ORDER BY state")
    assert [row["state"] for row in unlearned] == ["denied", "expired", "unknown"], "these teach nothing"


async def test_an_outcome_that_is_written_is_never_written_over(ward: Ward) -> None:
    key = await ended(ward, "ineffective")
    await settle(ward, key)
    await ward.damage("executions", key, state="stable")
    await settle(ward, key)
    assert (await ward.execution(key))["outcome"] == "ineffective"
    assert [row["reason"] for row in await of_kind(ward, "learned")] == ["ineffective"]


async def test_what_helps_again_and_again_drafts_one_playbook_even_in_a_race(ward: Ward) -> None:
    first = [await ended(ward, "stable") for _ in range(4)]
    await settle(ward, *first)
    assert await ward.rows("SELECT 1 FROM playbooks WHERE source = 'learned'") == []
    more = [await ended(ward, "stable") for _ in range(6)]
    await settle(ward, *more)
    [draft] = await ward.rows("SELECT * FROM playbooks WHERE source = 'learned'")
    assert (draft["status"], draft["version"], draft["created_by"]) == ("draft", 1, "nightshift")
    assert draft["id"] == "learned-poke-v1-higherrorrate-http-errors"
    assert draft["body"]["causes"] == ["bad_release"]
    assert (draft["body"]["action"], draft["body"]["classes"]) == ("http", ["errors"])
    [told] = await of_kind(ward, "playbook.drafted")
    assert "waits for a person to publish it" in told["body"]["text"]
    refused = await ward.ask(await ward.add_service(), draft["id"])
    assert (refused["state"], refused["decision"]["guardrail"]) == ("denied", "unknown_playbook")


async def test_without_a_known_cause_or_with_failures_nothing_is_drafted(ward: Ward) -> None:
    await settle(ward, *[await ended(ward, "stable") for _ in range(3)])
    await settle(ward, *[await ended(ward, "ineffective") for _ in range(2)])
    await settle(ward, *[await ended(ward, "stable") for _ in range(4)])  # 7 of 9
    assert await ward.rows("SELECT 1 FROM playbooks WHERE source = 'learned'") == []
    row = await proposed(ward, await ward.add_service(), found=False)
    await ward.damage("executions", row["id"], state="stable")
    await settle(ward, row["id"])  # 8 of 10, but nobody knows the cause
    assert await ward.rows("SELECT 1 FROM playbooks WHERE source = 'learned'") == []


async def test_in_shadow_mode_what_the_agent_proposes_is_recorded_and_nothing_acts(ward: Ward) -> None:
    async with ward.store.begin() as conn:
        await set_switch(conn, "shadow", True, by="person:first", reason="a trial")
    service = await ward.add_service()
    row = await proposed(ward, service, origin="thread")
    assert (row["state"], row["decision"]["guardrail"]) == ("denied", "shadow")
    assert "without it the gate would say ask" in row["decision"]["detail"]
    await ward.run(10)
    assert ward.target.log == []
    assert await ward.rows("SELECT 1 FROM approvals") == [], "nobody is asked"
    assert await of_kind(ward, "approval.requested") == []
    by_person = await ward.ask(service)
    assert by_person["state"] == State.AWAITING_APPROVAL, "what a person asks for is never in the shadow"


async def test_what_was_agreed_to_before_the_shadow_fell_does_not_act_in_it(ward: Ward) -> None:
    service = await ward.add_service()
    row = await proposed(ward, service, origin="thread")
    await ward.decide(row["id"])
    async with ward.store.begin() as conn:
        await set_switch(conn, "shadow", True, by="person:first", reason="a trial")
    await ward.run(5)
    assert (await ward.execution(row["id"]))["state"] == "invalidated"
    assert ward.target.log == []


@pytest.mark.parametrize("is_dry", [True, False])
async def test_a_sandboxed_playbook_is_scored_like_the_shadow(ward: Ward, is_dry: bool) -> None:
    await ward.put_playbook(id="poke", dry_run=is_dry)
    row = await proposed(ward, await ward.add_service(), origin="thread")
    assert (row["decision"]["guardrail"] == "dry_run") is is_dry
    async with ward.store.begin() as conn:
        compared = await learning.shadow(conn)
    assert [one["proposed"] for one in compared] == (["poke"] if is_dry else [])


@pytest.mark.parametrize("somebody", [True, False])
async def test_where_a_person_was_at_it_the_end_of_its_alerts_asks_what_fixed_it(ward: Ward, somebody: bool) -> None:
    service = await ward.add_service()
    incident = await ward.incident(service)
    if somebody:
        async with ward.store.begin() as conn:
            await incidents.set_state(conn, incident["id"], "acknowledged", by="person:first", only_from=["open"])
    await ward.clear(service)
    for _ in range(3):
        await resolve_incident(ward.house, str(incident["id"]))
    assert (await ward.incident(service))["state"] == "resolved"
    assert len(await of_kind(ward, "fix.asked")) == somebody


async def test_where_our_action_healed_it_nobody_is_asked(ward: Ward) -> None:
    key = await ended(ward, "stable")
    row = await ward.execution(key)
    async with ward.store.begin() as conn:
        await incidents.set_state(conn, row["incident_id"], "acknowledged", by="person:first", only_from=["open"])
    await ward.clear("svc-0")
    await resolve_incident(ward.house, str(row["incident_id"]))
    assert (await ward.incident("svc-0"))["state"] == "resolved"
    assert await of_kind(ward, "fix.asked") == []
