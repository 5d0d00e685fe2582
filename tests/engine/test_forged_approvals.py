"""Every way to act without a good approval that we could think of: none of them reaches the target.

Each kind gets a service of its own and an action on it that waits for approval; it does its worst, and then a worker
works. The first are at the HTTP door, the last are done by somebody who can write to the tables.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from api.access import Role
from api.app import build_app
from core.errors import NightshiftError
from core.intent import Intent
from engine import approving, revising
from engine.approving import Person
from store import people
from tests.engine.ward import HAMMER, Ward
from tests.stories.target import Manner

KINDS_MIN = 40
GOOD_REASON = "the shop is on fire and nobody else is awake"
EXPIRES_S = 900.0
FUTURE_S = 30.0


@dataclass
class Forger:
    """Somebody who wants the action on one service run; `playbook` "hammer" destroys and needs two people."""

    ward: Ward
    client: httpx.AsyncClient
    service: str
    key: UUID

    async def post(self, what: str, holder: str | None, status: int, **body: Any) -> None:
        """A request about the approval; it has to be answered with this status."""
        approval = await self.ward.approval(self.key)
        given = {"intent_hash": approval["intent_hash"], **body}
        headers = {"Authorization": f"Bearer {self.ward.keys[holder]}"} if holder else {}
        answer = await self.client.post(f"/api/v1/approvals/{approval['id']}/{what}", json=given, headers=headers)
        assert answer.status_code == status, f"{self.service}: {answer.status_code} {answer.text}"

    async def decide(self, holder: str | None, status: int, **body: Any) -> None:
        """A decision at the HTTP door."""
        await self.post("decision", holder, status, **{"verdict": "approve", **body})

    async def yes(self, person: str = "first") -> None:
        """An honest approval by the person."""
        await self.ward.decide(self.key, person)

    async def refused(self, work: Awaitable[Any]) -> None:
        """It raises one of our own errors."""
        with contextlib.suppress(NightshiftError):
            await work
            raise AssertionError(f"{self.service}: that was allowed")

    async def glass(self, person: str = "first", reason: str = GOOD_REASON) -> None:
        """One person breaks the glass."""
        approval = await self.ward.approval(self.key)
        site = await self.ward.house.site()
        async with self.ward.store.begin() as conn:
            await revising.break_glass(
                conn, site, approval["id"], self.ward.people[person], intent_hash=approval["intent_hash"], reason=reason
            )

    async def edit(self, person: str = "second") -> UUID:
        """A person edits the action; the execution that takes its place."""
        approval = await self.ward.approval(self.key)
        site = await self.ward.house.site()
        async with self.ward.store.begin() as conn:
            made = await revising.edit(
                conn, site, approval["id"], self.ward.people[person], intent_hash=approval["intent_hash"],
                parameters={"times": 2}, reason="twice is better",
            )  # fmt: skip
        key: UUID = made["id"]
        return key

    async def withdraw(self) -> None:
        """Taken back by an approver."""
        approval = await self.ward.approval(self.key)
        async with self.ward.store.begin() as conn:
            await revising.withdraw(conn, approval["id"], self.ward.people["first"], reason="no", may_all=True)

    async def rewrite(self, **values: Any) -> None:
        """Change the execution's row."""
        await self.ward.damage("executions", self.key, **values)

    async def rewrite_approval(self, **values: Any) -> None:
        """Change the approval's row."""
        await self.ward.damage("approvals", (await self.ward.approval(self.key))["id"], **values)

    async def intent(self, **changed: Any) -> dict[str, Any]:
        """The intent as it is stored, with other values."""
        return {**(await self.ward.execution(self.key))["intent"], **changed}

    async def switch(self, name: str, *, on: bool) -> None:
        """The kill switch and its like."""
        await self.ward.rows(
            "INSERT INTO switches (name, is_on, reason, changed_by) VALUES (%s, %s, '', 't')"
            " ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on", name, on,
        )  # fmt: skip


Attack = Callable[[Forger], Awaitable[None]]
KINDS: dict[str, tuple[Attack, str, int]] = {}


def kind(playbook: str = "poke", calls: int = 0) -> Callable[[Attack], Attack]:
    """Register an attack: on which playbook, and how many calls of the target are honest."""

    def put(attack: Attack) -> Attack:
        KINDS[attack.__name__] = (attack, playbook, calls)
        return attack

    return put


# Who decides


@kind()
async def without_a_key(f: Forger) -> None:
    await f.decide(None, 401)


@kind()
async def with_a_made_up_key(f: Forger) -> None:
    f.ward.keys["nobody"] = people.new_key()
    await f.decide("nobody", 401)


@kind()
async def with_the_key_in_the_query(f: Forger) -> None:
    approval = await f.ward.approval(f.key)
    body = {"verdict": "approve", "intent_hash": approval["intent_hash"]}
    path = f"/api/v1/approvals/{approval['id']}/decision?key={f.ward.keys['first']}&token={f.ward.keys['first']}"
    assert (await f.client.post(path, json=body)).status_code == 401


@kind()
async def by_a_viewer(f: Forger) -> None:
    await f.decide("viewer", 403)


@kind()
async def by_a_responder(f: Forger) -> None:
    await f.decide("responder", 403)


@kind()
async def by_a_machine(f: Forger) -> None:
    await f.decide("machine", 403)


@kind()
async def by_a_viewer_who_says_in_headers_that_they_are_another(f: Forger) -> None:
    approval = await f.ward.approval(f.key)
    headers = {
        "Authorization": f"Bearer {f.ward.keys['viewer']}", "X-Forwarded-User": "first", "X-Remote-User": "first",
        "X-Nightshift-Role": "admin",
    }  # fmt: skip
    body = {"verdict": "approve", "intent_hash": approval["intent_hash"], "person": "first", "role": "admin"}
    answer = await f.client.post(f"/api/v1/approvals/{approval['id']}/decision", json=body, headers=headers)
    assert answer.status_code == 403


@kind()
async def by_somebody_whose_account_was_closed(f: Forger) -> None:
    await f.decide("gone", 401)


@kind()
async def by_somebody_whose_account_is_closed_while_the_door_still_knows_their_key(f: Forger) -> None:
    gone = f.ward.people["gone"]
    await f.refused(_vote(f, gone))


@kind()
async def with_a_revoked_key(f: Forger) -> None:
    await f.decide("revoked", 401)


@kind()
async def where_a_higher_role_is_asked_for(f: Forger) -> None:
    await f.rewrite_approval(role="admin")
    await f.decide("first", 403)


@kind("hammer")
async def one_person_twice(f: Forger) -> None:
    await f.yes()
    await f.decide("first", 409)


@kind("hammer")
async def one_person_through_two_doors(f: Forger) -> None:
    await f.yes()
    other_door = Person(f.ward.people["first"].id, f.ward.people["first"].name, via="chat")
    await f.refused(_vote(f, other_door))


@kind("hammer")
async def one_person_with_two_keys(f: Forger) -> None:
    await f.yes()
    await f.decide("first again", 409)


@kind("hammer")
async def one_person_who_gives_another_name(f: Forger) -> None:
    await f.yes()
    await f.refused(_vote(f, Person(f.ward.people["first"].id, "second", via="api")))


@kind("hammer")
async def by_who_asked_for_something_destructive(f: Forger) -> None:
    await f.yes()
    await f.decide("carer", 403)


@kind("shredder")
async def by_who_asked_for_something_small_that_destroys(f: Forger) -> None:
    await f.yes()
    await f.decide("carer", 403)


@kind("hammer")
async def by_one_of_two_whose_account_was_closed_since(f: Forger) -> None:
    leaver = await f.ward.add_person(f"leaver of {f.service}")
    await f.yes(leaver.name)
    await f.ward.rows("UPDATE persons SET disabled_at = now() WHERE id = %s", leaver.id)
    await f.yes("second")


@kind("hammer")
async def by_two_of_whom_one_lost_the_account_before_the_claim(f: Forger) -> None:
    leaver = await f.ward.add_person(f"later leaver of {f.service}")
    await f.yes(leaver.name)
    await f.yes("second")
    await f.ward.rows("UPDATE persons SET disabled_at = now() WHERE id = %s", leaver.id)


@kind()
async def by_words_in_an_alert(f: Forger) -> None:
    await f.ward.alert(f.service, name="approved by first, verdict approve")


# What was decided on


@kind()
async def with_the_hash_of_nothing(f: Forger) -> None:
    await f.decide("first", 403, intent_hash="0" * 64)


@kind()
async def with_the_hash_of_another_approval(f: Forger) -> None:
    other = (await f.ward.ask(f.service, times=2))["id"]
    await f.decide("first", 403, intent_hash=(await f.ward.approval(other))["intent_hash"])


@kind()
async def with_the_hash_of_the_same_action_edited(f: Forger) -> None:
    edited = await f.intent(parameters={"service": f.service, "times": 3})
    await f.decide("first", 403, intent_hash=Intent.stored(edited, {}).hash)


@kind()
async def with_half_a_hash(f: Forger) -> None:
    await f.decide("first", 422, intent_hash=(await f.ward.approval(f.key))["intent_hash"][:32])


@kind()
async def with_an_empty_hash(f: Forger) -> None:
    await f.decide("first", 422, intent_hash="")


@kind()
async def with_a_hash_in_look_alikes(f: Forger) -> None:
    genuine = (await f.ward.approval(f.key))["intent_hash"]
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in genuine)
    await f.decide("first", 422, intent_hash=wide)


@kind()
async def with_a_hash_in_capitals(f: Forger) -> None:
    await f.decide("first", 422, intent_hash=(await f.ward.approval(f.key))["intent_hash"].upper())


@kind()
async def with_a_made_up_verdict(f: Forger) -> None:
    for verdict in ("maybe", "APPROVE", "approve ", "", None, ["approve"], True):
        await f.decide("first", 422, verdict=verdict)


@kind()
async def by_asking_for_it_with_get(f: Forger) -> None:
    approval = await f.ward.approval(f.key)
    headers = {"Authorization": f"Bearer {f.ward.keys['first']}"}
    path = f"/api/v1/approvals/{approval['id']}/decision?verdict=approve&intent_hash={approval['intent_hash']}"
    assert (await f.client.get(path, headers=headers)).status_code == 405


@kind()
async def of_an_approval_that_does_not_exist(f: Forger) -> None:
    body = {"verdict": "approve", "intent_hash": "0" * 64}
    headers = {"Authorization": f"Bearer {f.ward.keys['first']}"}
    assert (await f.client.post(f"/api/v1/approvals/{f.key}/decision", json=body, headers=headers)).status_code == 404


# Replays


@kind()
async def after_it_was_rejected(f: Forger) -> None:
    await f.ward.decide(f.key, verdict="reject")
    await f.decide("second", 409)


@kind("hammer")
async def after_one_of_two_rejected_it(f: Forger) -> None:
    await f.yes()
    await f.ward.decide(f.key, "second", "reject")
    await f.decide("third", 409)


@kind(calls=1)
async def after_it_ran(f: Forger) -> None:
    await f.yes()
    await f.ward.execute(f.key)
    await f.decide("second", 409)
    await f.decide("first", 409)
    await f.ward.execute(f.key)


@kind(calls=1)
async def of_an_action_that_the_target_refused(f: Forger) -> None:
    f.ward.target.manners[f.service] = Manner(answer=409, effect=False)
    await f.yes()
    await f.ward.execute(f.key)
    await f.decide("second", 409)
    await f.ward.execute(f.key)


@kind(calls=1)
async def of_an_action_whose_outcome_nobody_knows(f: Forger) -> None:
    f.ward.target.manners[f.service] = Manner(answer=0)
    await f.yes()
    await f.ward.execute(f.key)
    await f.decide("second", 409)
    await f.ward.execute(f.key)


@kind(calls=1)
async def by_ten_workers_at_once(f: Forger) -> None:
    await f.yes()
    await asyncio.gather(*(f.ward.execute(f.key) for _ in range(10)))


@kind(calls=1)
async def of_a_used_approval_put_back(f: Forger) -> None:
    await f.yes()
    await f.ward.execute(f.key)
    await f.rewrite(state="approved", acted_at=None)


# Edited, withdrawn, superseded


@kind()
async def after_it_was_withdrawn(f: Forger) -> None:
    await f.withdraw()
    await f.decide("first", 409)


@kind()
async def and_withdrawn_before_it_ran(f: Forger) -> None:
    await f.yes()
    await f.withdraw()


@kind()
async def of_what_was_edited_since(f: Forger) -> None:
    f.ward.target.manners[f.service] = Manner()
    await f.edit()
    await f.decide("first", 409)


@kind("hammer")
async def with_a_vote_for_what_it_was_before_the_edit(f: Forger) -> None:
    await f.yes("first")
    f.key = await f.edit("third")
    await f.yes("second")


@kind("hammer")
async def by_who_edited_something_destructive(f: Forger) -> None:
    f.key = await f.edit("second")
    await f.yes("first")
    await f.decide("second", 403)


@kind()
async def by_an_edit_that_policy_refuses(f: Forger) -> None:
    await f.post("edit", "second", 403, parameters={"times": 99}, reason="more")
    await f.post("edit", "second", 403, parameters={"service": "other"}, reason="elsewhere")
    await f.post("edit", "second", 403, parameters={"command": "rm"}, reason="a new one")


@kind()
async def after_the_incident_was_resolved(f: Forger) -> None:
    incident = await f.ward.incident(f.service)
    headers = {"Authorization": f"Bearer {f.ward.keys['first']}"}
    await f.yes()
    answer = await f.client.post(f"/api/v1/incidents/{incident['number']}/resolve", json={}, headers=headers)
    assert answer.status_code == 200


# Broken glass


@kind("hammer")
async def by_broken_glass_without_a_reason(f: Forger) -> None:
    for reason in ("", " " * 20, "urgent"):
        await f.refused(f.glass(reason=reason))
    await f.post("break-glass", "operator", 422, reason="")
    await f.post("break-glass", "operator", 422)


@kind("hammer")
async def by_broken_glass_of_an_approver(f: Forger) -> None:
    await f.post("break-glass", "first", 403, reason=GOOD_REASON)


@kind("hammer")
async def by_broken_glass_of_who_asked(f: Forger) -> None:
    await f.refused(f.glass("carer"))


@kind("hammer")
async def by_broken_glass_of_a_closed_account(f: Forger) -> None:
    await f.refused(f.glass("gone"))


@kind("hammer")
async def by_broken_glass_on_another_hash(f: Forger) -> None:
    await f.post("break-glass", "operator", 403, reason=GOOD_REASON, intent_hash="1" * 64)


@kind("hammer")
async def by_broken_glass_while_the_kill_switch_is_on(f: Forger) -> None:
    await f.switch("kill", on=True)
    await f.refused(f.glass())
    await f.switch("kill", on=False)


@kind("hammer")
async def by_broken_glass_before_the_kill_switch(f: Forger) -> None:
    await f.glass()
    await f.switch("kill", on=True)
    await f.ward.work()
    await f.switch("kill", on=False)


# Too late


@kind()
async def after_it_expired(f: Forger) -> None:
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.decide("first", 409)


@kind("hammer")
async def the_first_of_two_after_it_expired(f: Forger) -> None:
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.decide("first", 409)


@kind("hammer")
async def the_first_of_two_after_it_was_rejected(f: Forger) -> None:
    await f.rewrite_approval(state="rejected")
    await f.decide("first", 409)


@kind("hammer")
async def in_time_by_one_and_too_late_by_the_other(f: Forger) -> None:
    await f.yes()
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.decide("second", 409)


@kind()
async def in_time_and_claimed_too_late(f: Forger) -> None:
    await f.yes()
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.ward.execute(f.key)


@kind("hammer")
async def by_broken_glass_too_late(f: Forger) -> None:
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.refused(f.glass())


# What changed since


@kind()
async def before_the_kill_switch(f: Forger) -> None:
    await f.yes()
    await f.switch("kill", on=True)
    await f.ward.work()
    await f.switch("kill", on=False)


@kind()
async def before_a_restored_copy_was_noticed(f: Forger) -> None:
    await f.yes()
    await f.switch("observe_only", on=True)
    await f.ward.work()
    await f.switch("observe_only", on=False)


@kind()
async def of_an_older_version_of_the_playbook(f: Forger) -> None:
    await f.ward.put_playbook(id=f"only {f.service}".replace(" ", "-"), title="Poke once")
    f.key = (await f.ward.ask(f.service, f"only-{f.service}"))["id"]
    await f.yes()
    await f.ward.put_playbook(id=f"only-{f.service}", title="Poke hard")


@kind()
async def of_a_resource_that_is_protected_by_now(f: Forger) -> None:
    await f.yes()
    before = f.ward.site["policy"]
    await f.ward.furnish(policy={**before, "protected": [f"*{f.service}"]})
    await f.ward.work()
    await f.ward.furnish(policy=before)


@kind()
async def of_an_older_policy(f: Forger) -> None:
    await f.yes()
    await f.ward.furnish(policy={**f.ward.site["policy"], "actions_per_hour_max": 99_999})


@kind()
async def of_trouble_that_is_over(f: Forger) -> None:
    await f.yes()
    await f.ward.clear(f.service)


# By somebody who can write to the tables


@kind()
async def with_a_job_for_what_nobody_approved(f: Forger) -> None:
    await f.ward.execute(f.key)


@kind()
async def with_a_state_that_nobody_approved(f: Forger) -> None:
    await f.rewrite(state="approved")
    await f.ward.execute(f.key)


@kind()
async def with_both_states_and_no_vote(f: Forger) -> None:
    await f.rewrite_approval(state="approved")
    await f.rewrite(state="approved")
    await f.ward.execute(f.key)


@kind("hammer")
async def with_fewer_needed_votes_than_the_gate_asks_for(f: Forger) -> None:
    await f.rewrite_approval(needed=1)
    await f.rewrite(decision={**(await f.ward.execution(f.key))["decision"], "approvers": 1})
    await f.yes()


@kind()
async def without_an_approval(f: Forger) -> None:
    await f.ward.rows("DELETE FROM approvals WHERE execution_id = %s", f.key)
    await f.rewrite(state="approved")
    await f.ward.execute(f.key)


@kind()
async def with_parameters_changed_after_the_vote(f: Forger) -> None:
    await f.yes()
    await f.rewrite(intent=await f.intent(parameters={"service": f.service, "times": 3}))


@kind()
async def with_parameters_and_hash_changed_after_the_vote(f: Forger) -> None:
    await f.yes()
    edited = await f.intent(parameters={"service": f.service, "times": 3})
    await f.rewrite(intent=edited, intent_hash=Intent.stored(edited, {}).hash)


@kind()
async def with_parameters_changed_before_the_vote(f: Forger) -> None:
    await f.rewrite(intent=await f.intent(parameters={"service": f.service, "times": 3}))
    await f.decide("first", 403)


@kind()
async def with_another_target_in_the_row(f: Forger) -> None:
    await f.yes()
    await f.rewrite(resource_id="service:test/elsewhere")


@kind()
async def with_another_endpoint_in_the_row(f: Forger) -> None:
    await f.yes()
    await f.rewrite(endpoint_id="svc-0-http")


@kind()
async def with_another_action_in_the_row(f: Forger) -> None:
    await f.yes()
    await f.rewrite(action="restart_instance")


@kind()
async def with_the_approval_of_another_action(f: Forger) -> None:
    other = (await f.ward.ask(f.service, times=2))["id"]
    await f.yes()
    mine, theirs = await f.ward.approval(f.key), await f.ward.approval(other)
    await f.ward.rows("DELETE FROM approval_votes WHERE approval_id = %s", theirs["id"])
    await f.ward.rows("DELETE FROM approvals WHERE id = %s", theirs["id"])
    await f.ward.damage("approvals", mine["id"], execution_id=other)
    await f.ward.damage("executions", other, state="approved")
    f.key = other


@kind()
async def with_a_claim_of_no_worker(f: Forger) -> None:
    await f.rewrite(state="claimed", token=7, lease_until=f.ward.clock.now)
    await f.ward.execute(f.key)


def _vote(f: Forger, person: Person) -> Awaitable[None]:
    async def vote() -> None:
        approval = await f.ward.approval(f.key)
        async with f.ward.store.begin() as conn:
            await approving.decide(conn, approval["id"], person, verdict="approve", intent_hash=approval["intent_hash"])

    return vote()


async def test_no_forged_stale_replayed_edited_or_expired_approval_is_accepted(ward: Ward) -> None:
    assert len(KINDS) >= KINDS_MIN
    await furnish(ward)
    accepted: dict[str, str] = {}
    transport = httpx.ASGITransport(app=build_app(ward.house))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        for name, (attack, playbook, honest) in KINDS.items():
            service = await ward.add_service()
            forger = Forger(ward, client, service, (await ward.ask(service, playbook))["id"])
            await attack(forger)
            await ward.execute(forger.key)
            await ward.work()
            calls = [row for row in ward.target.log if row["event"] == "received" and row["body"]["service"] == service]
            if len(calls) != honest:
                accepted[name] = f"{len(calls)} calls, {await ward.path(forger.key)}"
    print(f"{len(KINDS)} kinds, {len(accepted)} accepted")
    assert not accepted


async def test_the_honest_way_is_open(ward: Ward) -> None:
    """The same harness accepts what it should, so that the test above can fail."""
    await furnish(ward)
    transport = httpx.ASGITransport(app=build_app(ward.house))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        for playbook in ("poke", "hammer"):
            service = await ward.add_service()
            forger = Forger(ward, client, service, (await ward.ask(service, playbook))["id"])
            await forger.decide("first", 200)
            if playbook == "hammer":
                assert (await ward.execution(forger.key))["state"] == "awaiting_approval"
                await forger.decide("second", 200)
            await ward.work()
            assert ward.target.effects(str(forger.key)) == 1, await ward.path(forger.key)


async def furnish(ward: Ward) -> None:
    """Everybody who tries, and something that destroys although it is of the lowest tier."""
    await ward.put_playbook(**{**HAMMER, "id": "shredder", "tier": 1})
    await ward.add_person("third")
    for role in (Role.VIEWER, Role.RESPONDER, Role.OPERATOR):
        await ward.add_person(role, role)
    gone = await ward.add_person("gone")
    await ward.add_person("revoked")
    ward.keys["first again"], ward.keys["machine"] = people.new_key(), people.new_key()
    async with ward.store.begin() as conn:
        await people.add_key(conn, ward.keys["first again"], person=ward.people["first"].id)
        source = await people.add_source(conn, "machine", "alertmanager", by="test")
        await people.add_key(conn, ward.keys["machine"], source=source)
    await ward.rows("UPDATE persons SET disabled_at = now() WHERE id = %s", gone.id)
    await ward.rows("UPDATE api_keys SET revoked_at = now() WHERE person_id = %s", ward.people["revoked"].id)
