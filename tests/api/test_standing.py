"""Standing approvals at the front door: who may give and end them, within which limits, and what is on record."""

import asyncio
from typing import Any

import pytest

RESTART = {"id": "restart-it", "title": "Restart it", "action": "restart_instance", "classes": ["down"], "tier": 1}
WANTED = {"playbook_id": "restart-it", "reason": "it has helped for a year"}
DAY_S = 86_400


async def write(door: Any, **body: Any) -> Any:
    async with door.client("operator") as client:
        wanted = {**RESTART, **body}
        answer = await client.put(f"/api/v1/playbooks/{wanted['id']}", json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def grant(door: Any, holder: str = "operator", **wanted: Any) -> Any:
    return await door.post("/api/v1/standing", {**WANTED, **wanted}, holder)


async def test_an_operator_stands_for_a_version_for_a_while(door: Any) -> None:
    await write(door)
    made = await grant(door, services=["shop*"], environments=["prod"], actions_per_hour_max=2, expires_s=3 * DAY_S)
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["playbook_id"], body["playbook_version"], body["person"]) == ("restart-it", 1, "the operator")
    assert (body["services"], body["environments"], body["actions_per_hour_max"]) == (["shop*"], ["prod"], 2)
    assert (body["is_live"], body["used_last_hour"], body["ended_at"]) == (True, 0, None)
    [listed] = (await door.get("/api/v1/standing")).json()["items"]
    assert listed == body
    [audited] = await door.rows("SELECT actor, subject, reason, detail FROM audit WHERE action = 'standing.add'")
    assert (audited["actor"], audited["subject"]) == ("person:the operator", "playbook:restart-it")
    assert audited["reason"] == WANTED["reason"]
    assert audited["detail"]["services"] == ["shop*"]


@pytest.mark.parametrize("holder", ["viewer", "responder", "approver", "prometheus"])
async def test_nobody_else_may(door: Any, holder: str) -> None:
    await write(door)
    assert (await grant(door, holder)).status_code == 403
    assert await door.rows("SELECT 1 FROM standing_approvals") == []


@pytest.mark.parametrize(
    ("book", "said"),
    [
        ({"tier": 2}, "only what restarts something or can be undone"),
        ({"destructive": True}, "only what restarts something or can be undone"),
        ({"approvers": 2}, "2 people must agree"),
        ({"dry_run": True}, "it only says what it would do"),
        ({"action": "alert_only", "tier": 4}, "it does nothing that has to be asked for"),
        ({"action": "open_ticket", "tier": 4}, "only what restarts something or can be undone"),
    ],
)
async def test_some_playbooks_never_act_unasked(door: Any, book: Any, said: str) -> None:
    await write(door, **book)
    answer = await grant(door)
    assert (answer.status_code, answer.json()["reason"]) == (422, "never_auto")
    assert said in answer.json()["detail"]


async def test_a_change_that_can_be_undone_may(door: Any) -> None:
    await write(door, tier=3, reversible=True, undo="deploy the newer one again")
    assert (await grant(door)).status_code == 201


@pytest.mark.parametrize(
    "wanted",
    [
        {"reason": " "}, {"reason": ""}, {"expires_s": 91 * DAY_S}, {"expires_s": 1}, {"actions_per_hour_max": 0},
        {"actions_per_hour_max": 61}, {"services": []}, {"environments": [""]}, {"services": "shop"},
        {"person": "somebody else"}, {"playbook_version": 0},
    ],
)  # fmt: skip
async def test_what_is_open_or_has_no_reason_is_refused(door: Any, wanted: Any) -> None:
    await write(door)
    assert (await grant(door, **wanted)).status_code == 422
    assert await door.rows("SELECT 1 FROM standing_approvals") == []


async def test_only_a_version_that_rules_can_be_stood_for(door: Any) -> None:
    assert (await grant(door)).status_code == 404
    await write(door)
    await write(door, title="Restart it well")
    stale = await grant(door, playbook_version=1)
    assert (stale.status_code, stale.json()["reason"]) == (422, "other_version")
    assert (await grant(door, playbook_version=2)).status_code == 201
    async with door.client("operator") as client:
        await client.delete("/api/v1/playbooks/restart-it")
    assert (await grant(door)).status_code == 404


async def test_anybody_on_call_takes_it_back_once(door: Any) -> None:
    await write(door)
    path = f"/api/v1/standing/{(await grant(door)).json()['id']}/end"
    assert (await door.post(path, {"reason": "no"}, "viewer")).status_code == 403
    assert (await door.post(path, {"reason": ""}, "responder")).status_code == 422
    answers = await asyncio.gather(*(door.post(path, {"reason": "it looks wrong"}, "responder") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert (await door.get("/api/v1/standing")).json()["items"] == []
    [over] = (await door.get("/api/v1/standing?all=true")).json()["items"]
    assert (over["is_live"], over["ended_by"]) == (False, "person:the responder")
    ended = await door.rows("SELECT reason FROM audit WHERE action = 'standing.end'")
    assert [row["reason"] for row in ended] == ["it looks wrong"]
    unknown = "/api/v1/standing/01990c2e-9b20-7c3a-9a51-0d8b8c0f2f13/end"
    assert (await door.post(unknown, {"reason": "x"}, "responder")).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE persons SET disabled_at = store.now() WHERE name = 'the operator' RETURNING 1",
        "UPDATE persons SET role = 'approver' WHERE name = 'the operator' RETURNING 1",
        "UPDATE standing_approvals SET expires_at = store.now() RETURNING 1",
    ],
)
async def test_it_ends_with_its_time_and_with_its_persons_role(door: Any, change: str) -> None:
    await write(door)
    assert (await grant(door)).status_code == 201
    await door.rows(change)
    assert (await door.get("/api/v1/standing")).json()["items"] == []


async def test_the_list_goes_on(door: Any) -> None:
    await write(door)
    made = [(await grant(door)).json()["id"] for _ in range(3)]
    first = (await door.get("/api/v1/standing?limit=2")).json()
    assert [s["id"] for s in first["items"]] == [made[2], made[1]]
    rest = (await door.get(f"/api/v1/standing?limit=2&before={first['next']}")).json()
    assert ([s["id"] for s in rest["items"]], rest["next"]) == ([made[0]], None)
