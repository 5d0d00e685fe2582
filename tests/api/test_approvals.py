"""Approvals at the front door: decided by a person, bound to what was seen, exactly once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from core.playbook import ActionType
from core.site import Endpoint, Service, Site
from ingest.playbook_file import shipped_playbooks
from store import approvals, changes, people, playbooks
from store.people import new_key

ALERT = {"name": "HighErrorRate", "service": "shop", "environment": "test", "status": "firing"}
WANTED = {
    "playbook_id": "rollback-bad-release",
    "parameters": {"service": "shop", "to_version": "v41"},
    "reason": "v42",
}
DEPLOY = {
    "source": "deployer", "external_id": "1", "kind": "deploy", "environment": "test", "service": "shop",
    "version": "v42", "previous_version": "v41", "summary": "v42", "author": "",
}  # fmt: skip


@pytest.fixture
async def asked(door: Any) -> dict[str, Any]:
    """A rollback of the shop that waits for approval."""
    return await ask(door)


async def ask(door: Any, **of_playbook: Any) -> dict[str, Any]:
    async def site() -> Site:
        deployer = Endpoint("deployer", ActionType.DEPLOY_ROLLBACK, "shop", "http://127.0.0.1:9/rollback")
        return Site(1, "test", services={"shop": Service("shop")}, endpoints=(deployer,))

    door.house.site = site
    async with door.store.begin() as conn:
        for body in shipped_playbooks():
            more = of_playbook if body["id"] == WANTED["playbook_id"] else {}
            await playbooks.put(conn, body["id"], {**body, **more}, source="test", by="test")
        await changes.insert(conn, {**DEPLOY, "at": datetime.now(UTC)})
    assert (await door.post("/api/v1/webhooks/generic/shopmon", ALERT, "shopmon")).status_code == 200
    [incident] = await door.rows("SELECT number FROM incidents")
    proposed = await door.post(f"/api/v1/incidents/{incident['number']}/propose", WANTED, "responder")
    assert proposed.status_code == 201, proposed.text
    [approval] = (await door.get("/api/v1/approvals")).json()["items"]
    assert approval["execution_id"] == proposed.json()["execution_id"]
    return dict(approval)


def decision(approval: dict[str, Any], verdict: str = "approve", **changed: Any) -> dict[str, Any]:
    return {"verdict": verdict, "reason": "seen", "intent_hash": approval["intent_hash"], **changed}


def path_of(approval: dict[str, Any]) -> str:
    return f"/api/v1/approvals/{approval['id']}/decision"


async def test_twenty_decisions_at_once_decide_exactly_once(door: Any, asked: dict[str, Any]) -> None:
    holders = [f"approver {n}" for n in range(20)]
    await add_approvers(door, holders)
    verdicts = ["approve" if n % 2 else "reject" for n in range(20)]
    answers = await asyncio.gather(
        *(door.post(path_of(asked), decision(asked, v), h) for h, v in zip(holders, verdicts, strict=True))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    [winner] = [answer.json() for answer in answers if answer.status_code == 200]
    state = winner["state"]
    assert state == {"approve": "approved", "reject": "rejected"}[winner["ballots"][0]["verdict"]]
    assert len(winner["ballots"]) == 1
    moved = await door.rows("SELECT to_state FROM audit WHERE action = 'execution.move' ORDER BY id")
    assert [row["to_state"] for row in moved] == ["proposed", "awaiting_approval", state]
    deferred = await door.rows("SELECT 1 FROM procrastinate_jobs WHERE task_name = 'execute'")
    assert len(deferred) == (state == "approved")


async def test_one_person_pressing_twenty_times_votes_once(door: Any, asked: dict[str, Any]) -> None:
    answers = await asyncio.gather(*(door.post(path_of(asked), decision(asked), "approver") for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    assert len(await door.rows("SELECT 1 FROM approval_votes")) == 1


async def test_decision_is_bound_to_the_hash_that_the_person_saw(door: Any, asked: dict[str, Any]) -> None:
    other = await door.post(path_of(asked), decision(asked, intent_hash="0" * 64), "approver")
    assert (other.status_code, other.json()["reason"]) == (403, "other_action")
    for wrong in ({"intent_hash": "short"}, {"verdict": "maybe"}):
        assert (await door.post(path_of(asked), decision(asked) | wrong, "approver")).status_code == 422
    without = {"verdict": "approve"}
    assert (await door.post(path_of(asked), without, "approver")).status_code == 422
    seen = (await door.get(f"/api/v1/approvals/{asked['id']}")).json()
    assert (seen["state"], seen["ballots"]) == ("pending", [])


@pytest.mark.parametrize(("holder", "status"), [("prometheus", 403), ("viewer", 403), ("responder", 403), (None, 401)])
async def test_only_approvers_decide(door: Any, asked: dict[str, Any], holder: str | None, status: int) -> None:
    assert (await door.post(path_of(asked), decision(asked), holder)).status_code == status
    assert await door.rows("SELECT 1 FROM approval_votes") == []


async def test_destructive_action_needs_two_people_and_never_the_one_who_asked(door: Any) -> None:
    approval = await ask(door, destructive=True)
    assert approval["needed"] == 2
    await door.rows("UPDATE persons SET role = 'approver' WHERE name = 'the responder' RETURNING id")
    door.app.state.keys._known.clear()
    own = await door.post(path_of(approval), decision(approval), "responder")
    assert (own.status_code, own.json()["reason"]) == (403, "requester_is_approver")
    first = await door.post(path_of(approval), decision(approval), "approver")
    assert (first.json()["state"], first.json()["votes"]) == ("pending", 1)
    same = await door.post(path_of(approval), decision(approval), "approver")
    assert same.status_code == 409
    second = await door.post(path_of(approval), decision(approval), "operator")
    assert (second.json()["state"], second.json()["execution_state"]) == ("approved", "approved")


async def test_expired_approval_cannot_be_decided(door: Any, asked: dict[str, Any]) -> None:
    await door.rows("UPDATE approvals SET expires_at = store.now() - interval '1 second' RETURNING id")
    late = await door.post(path_of(asked), decision(asked), "approver")
    assert late.status_code == 409
    assert "expired" in late.json()["detail"]
    assert (await door.get(f"/api/v1/approvals/{asked['id']}")).json()["is_over"] is True


async def test_resolving_the_incident_supersedes_what_waits(door: Any, asked: dict[str, Any]) -> None:
    resolved = await door.post(f"/api/v1/incidents/{asked['incident_number']}/resolve", {}, "responder")
    assert resolved.status_code == 200
    assert (await door.post(path_of(asked), decision(asked), "approver")).status_code == 409
    assert (await door.get("/api/v1/approvals")).json()["items"] == []
    [gone] = (await door.get("/api/v1/approvals?state=superseded")).json()["items"]
    assert (gone["id"], gone["execution_state"]) == (asked["id"], "superseded")
    assert (await door.get("/api/v1/approvals?state=all")).json()["items"] == [gone]


async def test_i_checked_is_one_tap_of_an_approver_with_a_reason(door: Any, asked: dict[str, Any]) -> None:
    path = f"/api/v1/executions/{asked['execution_id']}/checked"
    tap = {"happened": True, "reason": "the deployer shows v41"}
    assert (await door.post(path, tap, "approver")).status_code == 409  # nothing is unknown yet
    await door.rows("UPDATE executions SET state = 'needs_human' RETURNING id")
    assert (await door.post(path, tap, "responder")).status_code == 403
    assert (await door.post(path, {"happened": True, "reason": ""}, "approver")).status_code == 422
    done = await door.post(path, tap, "approver")
    assert (done.status_code, done.json()["state"]) == (200, "succeeded")
    assert done.json()["audit"][-1]["reason"] == "checked_by_person"
    assert done.json()["approval_id"] == asked["id"]
    assert (await door.post(path, tap, "approver")).status_code == 409


async def test_approval_of_a_higher_role_is_not_for_an_approver(door: Any, asked: dict[str, Any]) -> None:
    await door.rows("UPDATE approvals SET role = 'operator' RETURNING id")
    low = await door.post(path_of(asked), decision(asked), "approver")
    assert (low.status_code, low.json()["reason"]) == (403, "role_missing")
    assert (await door.post(path_of(asked), decision(asked), "operator")).status_code == 200


async def add_approvers(door: Any, names: list[str]) -> None:
    async with door.store.begin() as conn:
        for name in names:
            door.keys[name] = new_key()
            await people.add_key(conn, door.keys[name], person=await people.add_person(conn, name, "approver", by="t"))
        assert await approvals.page(conn, ["pending"])
