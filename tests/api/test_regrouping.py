"""Incidents merged, split, assigned and reopened: nothing is lost, and every refusal says what to do."""

import asyncio
from typing import Any

import pytest

from core.execution import Reason, State
from core.intent import Intent
from store import approvals, executions


async def fire(door: Any, name: str, service: str, status: str = "firing", **more: Any) -> None:
    alert = {"name": name, "service": service, "status": status, "severity": "warning", **more}
    answer = await door.post("/api/v1/webhooks/generic/shopmon", alert, "shopmon")
    assert answer.status_code == 200, answer.text


async def opened(door: Any, service: str, *names: str, **more: Any) -> int:
    for name in names or ("HighErrorRate",):
        await fire(door, name, service, **more)
    [row] = await door.rows("SELECT number FROM incidents WHERE service = %s ORDER BY number DESC LIMIT 1", service)
    return int(row["number"])


async def do(door: Any, number: int, verb: str, body: Any, holder: str = "responder", **headers: str) -> Any:
    return await door.post(f"/api/v1/incidents/{number}/{verb}", body, holder, **headers)


async def shown(door: Any, number: int) -> Any:
    return (await door.get(f"/api/v1/incidents/{number}")).json()


async def proposed(door: Any, number: int, *states: State) -> Any:
    """An execution of an incident that went through these states, with its approval."""
    incident_id = (await shown(door, number))["id"]
    intent = Intent("restart", "b", 1, {}, f"service:test/{number}", "t", "e", incident_id, 1)
    values = {
        "incident_id": incident_id, "attempt": 1, "origin": "thread", "requester": "nightshift", "signature": "s",
        "environment": "test",
    }  # fmt: skip
    async with door.store.begin() as conn:
        row, _ = await executions.propose(conn, intent, values)
        await approvals.ask(conn, row["id"], intent.hash, needed=1, role="approver", expires_s=600)
        before = State.PROPOSED
        for state in states:
            await executions.move(conn, row["id"], before, state, Reason.POLICY_ASKS)
            before = state
    return row["id"]


async def counts_add_up(door: Any) -> None:
    rows = await door.rows(
        "SELECT i.number, i.alert_count, i.firing_count, count(a.id) AS alerts,"
        " count(a.id) FILTER (WHERE a.ended_at IS NULL) AS firing"
        " FROM incidents i LEFT JOIN alerts a ON a.incident_id = i.id GROUP BY i.id"
    )
    for row in rows:
        assert (row["alert_count"], row["firing_count"]) == (row["alerts"], row["firing"]), row


async def test_merged_alerts_go_on_in_the_other_and_both_histories_stay(door: Any) -> None:
    first = await opened(door, "shop", "Slow")
    await fire(door, "DiskFull", "orders", severity="critical")
    second = await opened(door, "orders", "HighErrorRate", "DiskSlow")
    waiting = await proposed(door, second, State.AWAITING_APPROVAL)
    answer = await do(door, second, "merge", {"into": f"#{first}", "reason": "one outage"})
    assert answer.status_code == 200, answer.text
    whole = answer.json()
    assert (whole["number"], whole["alert_count"], whole["firing_count"], whole["priority"]) == (first, 4, 4, "P1")
    gone = await shown(door, second)
    assert (gone["state"], gone["merged_into"], gone["alert_count"], gone["firing_count"]) == ("merged", first, 0, 0)
    assert gone["resolved_at"] is not None
    [execution] = await door.rows(
        "SELECT e.state, a.state AS approval FROM executions e JOIN approvals a ON a.execution_id = e.id"
        " WHERE e.id = %s",
        waiting,
    )
    assert execution == {"state": "superseded", "approval": "superseded"}
    why = await door.rows("SELECT reason FROM audit WHERE to_state = 'superseded'")
    assert why == [{"reason": "alerts_moved"}]

    story: list[Any] = []
    query = "limit=3"
    while True:
        page = (await door.get(f"/api/v1/incidents/{first}/story?{query}")).json()
        story += page["items"]
        if page["next"] is None:
            break
        query = f"limit=3&after={page['next'].replace('+', '%2B')}"
    assert [row["at"] for row in story] == sorted(row["at"] for row in story)
    assert {row["incident"] for row in story} == {first, second}
    for number in (first, second):
        seqs = [row["seq"] for row in story if row["incident"] == number]
        assert seqs == list(range(1, len(seqs) + 1))
    merged = [row["body"] for row in story if (row["kind"], row["incident"]) == ("incident.merged", first)]
    assert [(body["from"], body["alerts"], body["text"]) for body in merged] == [(second, 3, "one outage")]
    audited = await door.rows("SELECT actor, to_state, reason FROM audit WHERE action = 'incident.merge'")
    assert audited == [{"actor": "person:the responder", "to_state": "merged", "reason": "one outage"}]

    # The moved alert ends where it is; a new alert of the merged group joins the one that took it.
    await fire(door, "DiskFull", "orders", "resolved")
    await fire(door, "QueueBacklog", "orders")
    whole = await shown(door, first)
    assert (whole["alert_count"], whole["firing_count"]) == (5, 4)
    assert len(await door.rows("SELECT 1 FROM incidents")) == 2
    await counts_add_up(door)


async def test_after_the_end_a_merged_group_is_an_incident_of_its_own_again(door: Any) -> None:
    first, second = await opened(door, "shop"), await opened(door, "orders")
    await do(door, second, "merge", {"into": str(first)})
    await do(door, first, "resolve", {})
    await fire(door, "Another", "orders")
    [last] = await door.rows("SELECT number, state, merged_into FROM incidents ORDER BY number DESC LIMIT 1")
    assert last["number"] not in (first, second)
    assert (last["state"], last["merged_into"]) == ("open", None)
    assert (await shown(door, second))["state"] == "merged"


async def test_a_merge_is_refused_with_what_to_do(door: Any) -> None:
    a, b, c = [await opened(door, service) for service in ("shop", "orders", "mail")]
    execution = await proposed(door, b, State.AWAITING_APPROVAL, State.APPROVED, State.CLAIMED, State.RUNNING)
    running = await do(door, b, "merge", {"into": str(a)})
    assert (running.status_code, running.json()["reason"]) == (409, "action_runs")
    assert str(execution) in running.json()["detail"]
    assert running.headers["content-type"] == "application/problem+json"
    assert (await do(door, b, "split", {"matchers": ["service=orders"]})).json()["reason"] == "everything_chosen"
    assert (await do(door, a, "merge", {"into": str(a)})).json()["reason"] == "itself"
    assert (await do(door, a, "merge", {"into": "999"})).status_code == 404
    assert (await do(door, a, "merge", {"into": str(c)})).status_code == 200
    again = await do(door, a, "merge", {"into": str(b)})
    assert (again.status_code, again.json()["reason"]) == (409, "merged_already")
    assert f"#{c}" in again.json()["detail"]
    assert (await do(door, c, "merge", {"into": str(a)})).json()["reason"] == "target_merged"
    for verb, body in (
        ("acknowledge", {}),
        ("resolve", {}),
        ("reopen", {}),
        ("diagnose", {}),
        ("assign", {"assignee": None}),
    ):
        assert (await do(door, a, verb, body)).status_code == 409, verb
    await do(door, c, "resolve", {})
    assert (await do(door, b, "merge", {"into": str(c)})).json()["reason"] == "target_over"


async def test_merges_in_a_ring_at_once_end_as_one_and_nobody_waits_for_ever(door: Any) -> None:
    numbers = [await opened(door, f"service-{n}", "Slow", "Wrong") for n in range(4)]
    pairs = [(a, b) for a in numbers for b in numbers if a != b]
    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(do(door, a, "merge", {"into": str(b)}) for a, b in pairs),
            *(fire(door, f"N{n}", "service-1") for n in range(5)),
        )
    assert {answer.status_code for answer in answers[: len(pairs)]} == {200, 409}
    rows = await door.rows("SELECT number, state, merged_into FROM incidents ORDER BY number")
    alive = [row["number"] for row in rows if row["state"] != "merged"]
    assert len(alive) == 1
    for row in rows:
        at, steps = row, 0
        while at["merged_into"]:
            at, steps = next(r for r in rows if r["number"] == at["merged_into"]), steps + 1
            assert steps < len(rows), "a circle"
    await counts_add_up(door)
    assert (await shown(door, alive[0]))["alert_count"] == 13


async def test_a_merge_under_one_key_happens_once(door: Any) -> None:
    a, b = await opened(door, "shop"), await opened(door, "orders")
    answers = [await do(door, b, "merge", {"into": str(a)}, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


async def test_split_alerts_have_an_incident_of_their_own_and_go_on_in_it(door: Any) -> None:
    number = await opened(door, "shop", "DiskFull", "DiskSlow", severity="critical")
    await fire(door, "Slow", "shop", severity="info")
    waiting = await proposed(door, number, State.AWAITING_APPROVAL)
    await do(door, number, "acknowledge", {})
    answer = await do(door, number, "split", {"matchers": ["alertname=~Disk.*"], "reason": "another cause"})
    assert answer.status_code == 201, answer.text
    made, left = answer.json(), await shown(door, number)
    assert (made["alert_count"], made["priority"], made["split_from"], made["state"]) == (
        2,
        "P1",
        number,
        "acknowledged",
    )
    assert made["title"].startswith("DiskFull on shop")
    assert (left["alert_count"], left["firing_count"], left["priority"]) == (1, 1, "P3")
    assert left["title"] == "Slow on shop"
    assert "Slow" in left["signature"]
    assert "Disk" in made["signature"]
    [row] = await door.rows("SELECT state FROM executions WHERE id = %s", waiting)
    assert row["state"] == "superseded"
    # The same alert again, and another one of the group: each goes where it belongs.
    await fire(door, "DiskFull", "shop", "resolved")
    await fire(door, "DiskFull", "shop", severity="critical")
    await fire(door, "Wrong", "shop")
    assert (await shown(door, made["number"]))["alert_count"] == 3
    assert (await shown(door, number))["alert_count"] == 2
    await counts_add_up(door)


async def test_alerts_are_split_by_their_ids_and_foreign_ones_are_refused(door: Any) -> None:
    number, other = await opened(door, "shop", "Slow", "Wrong"), await opened(door, "orders")
    mine = (await door.get(f"/api/v1/incidents/{number}/alerts")).json()["items"]
    theirs = (await door.get(f"/api/v1/incidents/{other}/alerts")).json()["items"]
    foreign = await do(door, number, "split", {"alerts": [theirs[0]["id"]]})
    assert (foreign.status_code, theirs[0]["id"] in foreign.json()["detail"]) == (422, True)
    for body, reason in (
        ({}, "nothing_chosen"),
        ({"matchers": ["service=nowhere"]}, "nothing_chosen"),
        ({"alerts": [one["id"] for one in mine]}, "everything_chosen"),
    ):
        refused = await do(door, number, "split", body)
        assert (refused.status_code, refused.json()["reason"]) == (409, reason)
    assert (await do(door, number, "split", {"matchers": ["service=~(a"]})).status_code == 422
    made = (await do(door, number, "split", {"alerts": [mine[0]["id"]]})).json()
    assert (made["alert_count"], made["state"]) == (1, "open")
    paged = await door.rows("SELECT args FROM procrastinate_jobs WHERE task_name = 'page_incident'")
    assert {"incident_id": made["id"], "kind": "page"} in [job["args"] for job in paged]
    # Merged back, it is as before.
    assert (await do(door, made["number"], "merge", {"into": str(number)})).status_code == 200
    assert (await shown(door, number))["alert_count"] == 2
    await counts_add_up(door)


async def test_assigned_listed_by_assignee_handed_on_and_given_back(door: Any) -> None:
    number, other = await opened(door, "shop"), await opened(door, "orders")
    for _ in range(2):
        answer = await do(door, number, "assign", {"assignee": "the approver", "reason": "knows it"})
        assert (answer.status_code, answer.json()["assignee"]) == (200, "the approver")
    page = (await door.get("/api/v1/incidents?assignee=the approver")).json()
    assert [one["number"] for one in page["items"]] == [number]
    assert page["facets"]["assignee"] == {"the approver": 1, "": 1}
    assert (await door.get("/api/v1/incidents?assignee=nobody")).json()["items"] == []
    back = await do(door, number, "assign", {"assignee": None})
    assert (back.json()["assignee"], back.json()["assigned_at"]) == (None, None)
    told = await door.rows(
        "SELECT reason, body->>'to' AS who FROM timeline WHERE kind = 'incident.assigned' ORDER BY seq"
    )
    assert told == [{"reason": "assigned", "who": "the approver"}, {"reason": "unassigned", "who": None}]
    audited = await door.rows("SELECT from_state, to_state FROM audit WHERE action = 'incident.assign' ORDER BY id")
    assert [row["to_state"] for row in audited] == ["the approver", ""]
    for name, reason in (("nobody", "unknown_person"), ("the viewer", "cannot_answer")):
        refused = await do(door, other, "assign", {"assignee": name})
        assert (refused.status_code, refused.json()["reason"]) == (422, reason)


async def test_reopened_by_hand_unless_its_group_has_an_open_one(door: Any) -> None:
    number = await opened(door, "shop")
    assert (await do(door, number, "reopen", {})).json()["reason"] == "not_over"
    await do(door, number, "resolve", {})
    again = await do(door, number, "reopen", {"reason": "it is back"})
    assert (again.status_code, again.json()["state"], again.json()["reopened"]) == (200, "open", 1)
    [told] = await door.rows("SELECT actor, reason FROM timeline WHERE kind = 'incident.reopened'")
    assert told == {"actor": "person:the responder", "reason": "by_person"}
    await do(door, number, "resolve", {})
    await door.rows("UPDATE incidents SET resolved_at = resolved_at - interval '1 hour' RETURNING 1")
    await fire(door, "Wrong", "shop")
    [newer] = await door.rows("SELECT number FROM incidents WHERE state = 'open'")
    refused = await do(door, number, "reopen", {})
    assert (refused.status_code, refused.json()["reason"]) == (409, "group_is_open")
    assert f"#{newer['number']}" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("verb", "body"),
    [("assign", {"assignee": None}), ("merge", {"into": "1"}), ("split", {"matchers": ["a=b"]}), ("reopen", {})],
)
async def test_viewers_and_machines_regroup_nothing(door: Any, verb: str, body: Any) -> None:
    number = await opened(door, "shop")
    for holder in ("viewer", "prometheus"):
        assert (await do(door, number, verb, body, holder)).status_code == 403


@pytest.mark.parametrize("after", ["x", "2026-03-01~1~1", "2026-03-01T00:00:00Z~1", "2026-03-01T00:00:00Z~1~x"])
async def test_a_cursor_that_is_none_is_told(door: Any, after: str) -> None:
    number = await opened(door, "shop")
    assert (await door.get(f"/api/v1/incidents/{number}/story?after={after}")).status_code == 422
