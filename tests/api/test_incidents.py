"""Incidents at the front door: found, paged through, changed once, and refused with a reason."""

import asyncio
from typing import Any

import pytest

ALERT = {"name": "HighErrorRate", "service": "shop", "status": "firing", "severity": "critical"}


async def opened(door: Any, service: str = "shop") -> int:
    """The number of the incident that an alert about this service opens."""
    answer = await door.post("/api/v1/webhooks/generic/shopmon", {**ALERT, "service": service}, "shopmon")
    assert answer.status_code == 200, answer.text
    found = await door.rows("SELECT max(number) AS number FROM incidents")
    return int(found[0]["number"])


async def test_incident_is_found_by_number_and_by_id_with_all_around_it(door: Any) -> None:
    number = await opened(door)
    by_number = (await door.get(f"/api/v1/incidents/{number}")).json()
    by_id = (await door.get(f"/api/v1/incidents/{by_number['id']}")).json()
    assert by_number == by_id
    assert by_number["alerts"][0] | {"first_at": ""} == {
        "name": "HighErrorRate", "class": "errors", "severity": "critical", "service": "shop", "alerts": 1,
        "firing": 1, "unknown": 0, "first_at": "",
    }  # fmt: skip
    assert by_number["diagnosis"] is None
    assert by_number["executions"] == by_number["notifications"] == []
    assert by_number["opened_at"].endswith("Z")
    alerts = (await door.get(f"/api/v1/incidents/{number}/alerts")).json()
    assert [(a["name"], a["class"], a["status"]) for a in alerts["items"]] == [("HighErrorRate", "errors", "firing")]


@pytest.mark.parametrize("ref", ["999", "99999999999999999999", "x", "%00", "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f11"])
async def test_unknown_incident_is_404_with_what_to_do(door: Any, ref: str) -> None:
    answer = await door.get(f"/api/v1/incidents/{ref}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "incident" in answer.json()["detail"]


async def test_pages_cover_every_incident_once_and_facets_count_all(door: Any) -> None:
    numbers = [await opened(door, f"service-{n}") for n in range(5)]
    seen, query = [], "limit=2"
    while True:
        page = (await door.get(f"/api/v1/incidents?{query}")).json()
        seen += [incident["number"] for incident in page["items"]]
        assert len(page["items"]) <= 2
        if page["next"] is None:
            break
        query = f"limit=2&before={page['next']}"
    assert seen == sorted(numbers, reverse=True)
    assert page["facets"]["state"] == {"open": 5}
    assert page["facets"]["service"] == {f"service-{n}": 1 for n in range(5)}
    only = (await door.get("/api/v1/incidents?service=service-3&state=open")).json()
    assert [incident["number"] for incident in only["items"]] == [numbers[3]]
    assert (await door.get("/api/v1/incidents?limit=0")).status_code == 422
    assert (await door.get("/api/v1/incidents?state=odd")).status_code == 422


async def test_twenty_acknowledge_at_once_and_the_timeline_tells_it_once(door: Any) -> None:
    number = await opened(door)
    path = f"/api/v1/incidents/{number}/acknowledge"
    answers = await asyncio.gather(*(door.post(path, {"reason": "mine"}, "responder") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["state"] for answer in answers} == {"acknowledged"}
    told = await door.rows("SELECT actor, reason, body FROM timeline WHERE kind = 'incident.acknowledged'")
    assert told == [{"actor": "person:the responder", "reason": "by_person", "body": {"from": "open", "text": "mine"}}]
    audited = await door.rows("SELECT from_state, to_state FROM audit WHERE action = 'incident.acknowledge'")
    assert audited == [{"from_state": "open", "to_state": "acknowledged"}]


async def test_same_idempotency_key_writes_one_comment(door: Any) -> None:
    path = f"/api/v1/incidents/{await opened(door)}/comment"
    first = await door.post(path, {"text": "once\x00"}, "responder", **{"Idempotency-Key": "a"})
    again = await door.post(path, {"text": "once\x00"}, "responder", **{"Idempotency-Key": "a"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    told = await door.rows("SELECT body FROM timeline WHERE kind = 'comment'")
    assert told == [{"body": {"text": "once\ufffd"}}]


async def test_resolved_incident_is_neither_acknowledged_nor_diagnosed_nor_proposed_for(door: Any) -> None:
    number = await opened(door)
    resolved = await door.post(f"/api/v1/incidents/{number}/resolve", {}, "responder")
    assert (resolved.status_code, resolved.json()["resolved_by"]) == (200, "the responder")
    wanted = {"playbook_id": "x", "reason": ""}
    for verb, body in (("acknowledge", {}), ("diagnose", {}), ("propose", wanted)):
        answer = await door.post(f"/api/v1/incidents/{number}/{verb}", body, "responder")
        assert answer.status_code == 409, verb
        assert "resolved" in answer.json()["detail"]
    assert await door.rows("SELECT 1 FROM executions") == []


async def test_diagnosis_is_asked_for_twice_and_waits_once(door: Any) -> None:
    number = await opened(door)
    for _ in range(2):
        answer = await door.post(f"/api/v1/incidents/{number}/diagnose", {}, "responder")
        assert answer.status_code == 202
    waiting = await door.rows("SELECT args FROM procrastinate_jobs WHERE task_name = 'run_incident'")
    assert [job["args"] for job in waiting] == [{"incident_id": answer.json()["id"]}]
    queue = (await door.get("/api/v1/jobs", "operator")).json()
    assert "run_incident" in {task["task"] for task in queue["tasks"]}
    assert queue["oldest_waiting_s"] >= 0


async def test_refused_proposal_names_its_guardrail_and_is_on_record(door: Any) -> None:
    number = await opened(door)
    path = f"/api/v1/incidents/{number}/propose"
    wanted = {"playbook_id": "format-all-disks", "parameters": {"service": "shop"}, "reason": "why not"}
    answer = await door.post(path, wanted, "responder")
    problem = answer.json()
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["reason"] == "unknown_playbook"
    kept = (await door.get(f"/api/v1/executions/{problem['execution_id']}")).json()
    assert (kept["state"], kept["requester"], kept["origin"]) == ("denied", "the responder", "person")
    assert [row["to_state"] for row in kept["audit"]] == ["proposed", "denied"]
    listed = (await door.get(f"/api/v1/executions?incident={number}")).json()
    assert [execution["id"] for execution in listed["items"]] == [problem["execution_id"]]


@pytest.mark.parametrize("verb", ["acknowledge", "resolve", "comment", "diagnose", "propose"])
@pytest.mark.parametrize("holder", ["viewer", "prometheus"])
async def test_viewers_and_machines_change_nothing(door: Any, verb: str, holder: str) -> None:
    number = await opened(door)
    answer = await door.post(f"/api/v1/incidents/{number}/{verb}", {"text": "x", "playbook_id": "x"}, holder)
    assert (answer.status_code, answer.json()["reason"]) == (403, "role_missing")


async def test_kill_switch_is_turned_on_by_many_and_off_by_few(door: Any) -> None:
    async with door.client("viewer") as viewer, door.client("responder") as responder, door.client("operator") as boss:
        untouched = (await viewer.get("/api/v1/switches")).json()["items"]
        assert [(s["name"], s["on"], s["changed_at"]) for s in untouched] == [
            (name, False, None) for name in ("kill", "observe_only", "shadow")
        ]
        path = "/api/v1/switches/kill"
        assert (await viewer.put(path, json={"on": True})).status_code == 403
        on = await responder.put(path, json={"on": True, "reason": "storm"})
        assert (on.status_code, on.json()["on"], on.json()["changed_by"]) == (200, True, "person:the responder")
        refused = await responder.put(path, json={"on": False})
        assert (refused.status_code, refused.json()["reason"]) == (403, "role_missing")
        assert (await boss.put(path, json={"on": False})).json()["on"] is False
        assert (await boss.put("/api/v1/switches/other", json={"on": True})).status_code == 422
    audited = await door.rows("SELECT to_state FROM audit WHERE action = 'switch.set' ORDER BY id")
    assert [row["to_state"] for row in audited] == ["on", "off"]
