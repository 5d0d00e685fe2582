"""Who is on call: a rota is written, people stand in for each other, and whoever asks gets one name."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.test_people import made, send

SHIFTS = [{"from": "mon 09:00", "to": "mon 09:00", "people": ["early", "night"]}]
PLAN = {"zone": "Europe/Berlin", "first_day": "2026-03-02", "shifts": SHIFTS, "fallback": "lead"}
FIRST_WEEK, SECOND_WEEK = "2026-03-03T12:00:00+01:00", "2026-03-10T12:00:00+01:00"


@pytest.fixture
async def staff(door: Any) -> Any:
    """Three people, and the team that owns checkout."""
    for name in ("early", "night", "lead"):
        await made(door, name, "responder")
    await made(door, "guest", "viewer")
    await send(door, "POST", "/teams", {"name": "payments", "members": ["early", "night"], "services": ["checkout"]})
    return door


async def asked(door: Any, query: str = "") -> list[dict[str, Any]]:
    answer = await send(door, "GET", f"/oncall{query}", holder="viewer")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["on_call"]
    return found


def at(moment: str, service: str = "") -> str:
    return f"?at={quote(moment)}" + (f"&service={service}" if service else "")


async def test_a_rota_answers_for_its_week_its_service_and_the_house(staff: Any) -> None:
    assert await asked(staff) == []
    assert await asked(staff, "?service=checkout") == []
    answer = await send(staff, "POST", "/rotas", {"name": "payments", "team": "payments", **PLAN}, holder="operator")
    assert answer.status_code == 201, answer.text
    assert (answer.json()["version"], answer.json()["shifts"]) == (1, SHIFTS)
    house = {"name": "house", "first_day": "2026-03-02", "shifts": [], "fallback": "night"}
    assert (await send(staff, "POST", "/rotas", house, holder="operator")).status_code == 201
    assert [(one["rota"], one["person"], one["reason"]) for one in await asked(staff, at(FIRST_WEEK))] == [
        ("house", "night", "nobody_planned"), ("payments", "early", "shift"),
    ]  # fmt: skip
    (first,) = await asked(staff, at(FIRST_WEEK, "checkout"))
    assert (first["person"], first["until"]) == ("early", "2026-03-09T08:00:00Z")
    assert (await asked(staff, at(SECOND_WEEK, "checkout")))[0]["person"] == "night"
    assert (await asked(staff, at("2026-03-01T12:00:00Z", "checkout")))[0]["person"] == "lead"
    (other,) = await asked(staff, at(FIRST_WEEK, "search"))
    assert (other["rota"], other["person"]) == ("house", "night")
    assert (await send(staff, "GET", "/teams/payments")).json()["rota"] == "payments"


async def test_somebody_stands_in_from_now_on_and_stops(staff: Any) -> None:
    await send(staff, "POST", "/rotas", {"name": "house", **PLAN})
    later = (datetime.now(UTC) + timedelta(hours=4)).isoformat()
    for name in ("night", "lead"):
        body = {"person": name, "ends_at": later, "reason": "swapped"}
        given = await send(staff, "POST", "/rotas/house/overrides", body, holder="early")
        assert given.status_code == 201, given.text
    (found,) = await asked(staff)
    assert (found["person"], found["reason"]) == ("lead", "override"), "the one given last wins"
    ended = await send(staff, "POST", f"/rotas/house/overrides/{given.json()['id']}/end", holder="early")
    assert [one["person"] for one in ended.json()["overrides"]] == ["night"]
    assert (await asked(staff))[0]["person"] == "night"
    again = await send(staff, "POST", f"/rotas/house/overrides/{given.json()['id']}/end", holder="early")
    assert again.status_code == 404
    audited = await staff.rows("SELECT action, actor FROM audit WHERE subject = 'rota:house' ORDER BY id")
    assert [row["action"] for row in audited] == ["rota.add", "rota.override", "rota.override", "rota.end_override"]
    assert audited[-1]["actor"] == "person:early"


async def test_an_override_to_come_can_be_taken_back_and_a_past_one_is_remembered(staff: Any) -> None:
    await send(staff, "POST", "/rotas", {"name": "house", **PLAN})
    now = datetime.now(UTC)
    for begin, end in ((1, 2), (30, 31)):
        body = {
            "person": "lead", "starts_at": (now + timedelta(days=begin)).isoformat(),
            "ends_at": (now + timedelta(days=end)).isoformat(),
        }  # fmt: skip
        given = await send(staff, "POST", "/rotas/house/overrides", body)
        assert given.status_code == 201, given.text
    in_it = (now + timedelta(days=30, hours=2)).isoformat()
    assert (await asked(staff, at(in_it)))[0]["reason"] == "override"
    await send(staff, "POST", f"/rotas/house/overrides/{given.json()['id']}/end")
    assert (await asked(staff, at(in_it)))[0]["reason"] == "shift"
    await staff.rows(
        "UPDATE rota_overrides SET starts_at = store.now() - interval '3 days',"
        " ends_at = store.now() - interval '1 day' RETURNING id"
    )
    assert (await asked(staff, at((now - timedelta(days=2)).isoformat())))[0]["reason"] == "override"
    assert (await asked(staff))[0]["reason"] == "shift"
    assert (await send(staff, "GET", "/rotas/house")).json()["overrides"] == []


async def test_who_leaves_is_not_called_and_the_fallback_cannot_leave(staff: Any) -> None:
    await send(staff, "POST", "/rotas", {"name": "house", **PLAN})
    assert (await send(staff, "POST", "/people/early/deactivate")).status_code == 200
    (found,) = await asked(staff, at(FIRST_WEEK))
    assert (found["person"], found["reason"]) == ("lead", "person_left")
    assert (await asked(staff, at(SECOND_WEEK)))[0]["person"] == "night"
    refused = await send(staff, "POST", "/people/lead/deactivate")
    assert (refused.status_code, refused.json()["reason"]) == (409, "is_fallback")
    assert "name another fallback there first" in refused.json()["detail"]
    plan = {**PLAN, "fallback": "night", "shifts": [{**SHIFTS[0], "people": ["night"]}]}
    assert (await send(staff, "PUT", "/rotas/house", plan)).json()["version"] == 2
    assert (await send(staff, "POST", "/people/lead/deactivate")).status_code == 200


async def test_a_team_and_the_house_have_one_rota_each(staff: Any) -> None:
    for name, team, status in (("a", "payments", 201), ("b", "payments", 422), ("c", None, 201), ("d", None, 422)):
        answer = await send(staff, "POST", "/rotas", {"name": name, "team": team, **PLAN})
        assert answer.status_code == status, answer.text
    taken = await send(staff, "PUT", "/rotas/c", {"team": "payments", **PLAN})
    assert (taken.status_code, "change that one" in taken.json()["detail"]) == (422, True)
    blocked = await send(staff, "DELETE", "/teams/payments")
    assert (blocked.status_code, blocked.json()["reason"]) == (409, "has_rota")
    assert (await send(staff, "DELETE", "/rotas/a")).json()["name"] == "a"
    assert (await send(staff, "DELETE", "/teams/payments")).status_code == 200


async def test_faulty_rotas_and_overrides_are_refused_with_what_to_do(staff: Any) -> None:
    for change, said in (
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"fallback": "ghost"}, "no person 'ghost'"),
        ({"fallback": "guest"}, "can answer no call"),
        ({"shifts": SHIFTS * 2}, "runs into"),
        ({"shifts": [{**SHIFTS[0], "people": ["early", "ghost"]}]}, "no person 'ghost'"),
        ({"shifts": [{**SHIFTS[0], "from": "noon"}]}, "no time of the week"),
        ({"first_day": "yesterday"}, "no first day"),
    ):
        refused = await send(staff, "POST", "/rotas", {"name": "house", **PLAN, **change})
        assert (refused.status_code, said in refused.json()["detail"]) == (422, True), refused.text
    assert (await send(staff, "POST", "/rotas", {"name": "x", "team": "none", **PLAN})).status_code == 404
    await send(staff, "POST", "/rotas", {"name": "house", **PLAN})
    now = datetime.now(UTC)
    for person, begin, end in (("lead", 0, -1), ("lead", 5, 4), ("lead", 0, 100), ("ghost", 0, 1), ("guest", 0, 1)):
        body = {
            "person": person, "starts_at": (now + timedelta(days=begin)).isoformat(),
            "ends_at": (now + timedelta(days=end)).isoformat(),
        }  # fmt: skip
        assert (await send(staff, "POST", "/rotas/house/overrides", body)).status_code == 422, body
    naive = {"person": "lead", "ends_at": "2030-01-01T00:00:00"}
    assert (await send(staff, "POST", "/rotas/house/overrides", naive)).status_code == 422
    assert (await send(staff, "POST", "/rotas/house/overrides", naive, holder="viewer")).status_code == 403
    for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon", "2200-01-01T00:00:00%2B14:00"):
        assert (await send(staff, "GET", f"/oncall?at={moment}")).status_code == 422, moment
