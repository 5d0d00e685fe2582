"""Teams own services, so that there is one answer to whom to ask."""

from typing import Any

from tests.api.test_people import made, send


async def test_a_team_is_made_changed_and_removed_and_all_of_it_is_audited(door: Any) -> None:
    await made(door, "early", "approver")
    await made(door, "night", "responder")
    body = {"name": "payments", "purpose": "carts", "members": ["night", "early", "night"], "services": ["checkout"]}
    answer = await send(door, "POST", "/teams", body)
    assert answer.status_code == 201, answer.text
    assert [one["name"] for one in answer.json()["members"]] == ["early", "night"]
    assert (await send(door, "GET", "/owner?service=checkout", holder="viewer")).json()["team"]["name"] == "payments"
    changed = await send(door, "PUT", "/teams/payments", {"members": ["night"], "services": ["cart", "checkout"]})
    assert [one["name"] for one in changed.json()["members"]] == ["night"]
    assert (changed.json()["services"], changed.json()["purpose"]) == (["cart", "checkout"], "")
    await send(door, "PUT", "/teams/payments", {"members": ["night"], "services": ["cart", "checkout"]})
    assert (await send(door, "DELETE", "/teams/payments", holder="operator")).status_code == 403
    assert (await send(door, "DELETE", "/teams/payments")).json()["name"] == "payments"
    assert (await send(door, "GET", "/teams/payments", holder="viewer")).status_code == 404
    assert (await send(door, "GET", "/owner?service=checkout", holder="viewer")).json()["team"] is None
    rows = await door.rows("SELECT action FROM audit WHERE subject = 'team:payments' ORDER BY id")
    assert [row["action"] for row in rows] == ["team.add", "team.change", "team.remove"]


async def test_a_service_has_one_owner(door: Any) -> None:
    await send(door, "POST", "/teams", {"name": "first", "services": ["checkout"]})
    refused = await send(door, "POST", "/teams", {"name": "second", "services": ["cart", "checkout"]})
    assert refused.status_code == 422
    assert "owned by the team 'first'" in refused.json()["detail"]
    assert [team["name"] for team in (await send(door, "GET", "/teams")).json()["teams"]] == ["first"], "all or nothing"
    await send(door, "PUT", "/teams/first", {"services": []})
    assert (await send(door, "POST", "/teams", {"name": "second", "services": ["checkout"]})).status_code == 201


async def test_only_who_works_here_belongs_to_a_team(door: Any) -> None:
    await made(door, "early", "approver")
    refused = await send(door, "POST", "/teams", {"name": "t", "members": ["early", "ghost"]})
    assert (refused.status_code, "'ghost'" in refused.json()["detail"]) == (422, True)
    await send(door, "POST", "/teams", {"name": "t", "members": ["early"]})
    await send(door, "POST", "/people/early/deactivate")
    assert (await send(door, "GET", "/teams/t")).json()["members"] == [], "who left is not asked"
    assert (await send(door, "PUT", "/teams/t", {"members": ["early"]})).status_code == 422
    await send(door, "POST", "/people/early/activate")
    assert [one["name"] for one in (await send(door, "GET", "/teams/t")).json()["members"]] == ["early"]


async def test_faulty_teams_are_refused_with_what_to_do(door: Any) -> None:
    await send(door, "POST", "/teams", {"name": "taken"})
    for body in ({"name": "taken"}, {"name": "No Spaces"}, {"name": "x", "more": 1}, {"name": "x", "services": [""]}):
        assert (await send(door, "POST", "/teams", body)).status_code == 422, body
    for method in ("GET", "PUT", "DELETE"):
        body = {} if method == "PUT" else None
        assert (await send(door, method, "/teams/none", body)).status_code == 404
    assert (await send(door, "GET", "/owner", holder="viewer")).status_code == 422
