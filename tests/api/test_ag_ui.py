"""The AG-UI door: what resumes an interrupt decides, and what does not; every stream is one the protocol allows."""

import json
from typing import Any

import pytest
from ag_ui.core import Event
from pydantic import TypeAdapter

from api.ag_ui_events import Run
from store import people, threads
from tests.api.test_approvals import ask as ask_for_approval

EVENTS: TypeAdapter[Any] = TypeAdapter(Event)
CARD: dict[str, Any] = {
    "action": "http", "playbook": "poke v1", "target": "service:test/shop", "arguments": {}, "why": "it hangs",
    "confirmed": True, "evidence": [], "not_known": [], "disagreement": "", "impact_now": "", "blast_radius": "shop",
    "if_nothing": "it goes on", "track_record": "7 of 8", "basis": "signature", "alternatives": [], "undo": "",
    "expires_at": "2026-03-01T10:14:00Z", "who": "1 x approver", "policy": "", "intent_hash": "5f2c" * 16,
}  # fmt: skip
ASKED = {"approval_id": "0199c2e4-9b20-7c3a-9a51-0d8b8c0f2f13", "intent_hash": "5f2c" * 16, "card": CARD}


def told(*rows: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a run with these rows, each checked against the protocol's own models."""
    run = Run("t", "r", [{"id": "m1", "role": "user", "content": "why?"}])
    events = [*run.opening()]
    for seq, (kind, body) in enumerate(rows, 1):
        assert not run.is_over
        events += run.take({"seq": seq, "kind": kind, "body": body})
    for event in events:
        EVENTS.validate_python(event)
    return events


def kinds(events: list[dict[str, Any]]) -> str:
    return " ".join(event["type"].lower() for event in events)


def test_text_and_tool_calls_come_in_order_and_everything_is_closed() -> None:
    events = told(
        ("run.started", {"attempt": 1}),
        ("token", {"text": "I look. "}),
        ("tool.started", {"tool": "changes", "asked": {"service": "shop"}}),
        ("tool.started", {"tool": "logs", "asked": "errors of shop"}),
        ("tool.finished", {"tool": "logs", "lines": ["one", "two"]}),
        ("tool.finished", {"tool": "changes", "lines": []}),
        ("evidence", {"id": "E1"}),
        ("token", {"text": "v42."}),
        ("run.finished", {"text": "I look. v42.", "outcome": "answered"}),
    )
    call = "tool_call_start tool_call_args tool_call_end"
    assert kinds(events) == (
        f"run_started text_message_start text_message_content text_message_end {call} {call} tool_call_result "
        "tool_call_result custom text_message_start text_message_content text_message_end run_finished"
    )
    assert events[-1]["outcome"] == {"type": "success"}
    calls = {event["toolCallName"]: event["toolCallId"] for event in events if event["type"] == "TOOL_CALL_START"}
    results = {e["toolCallId"]: e["content"] for e in events if e["type"] == "TOOL_CALL_RESULT"}
    assert results == {calls["logs"]: "one\ntwo", calls["changes"]: ""}


def test_card_interrupts_the_run_and_says_what_is_bound() -> None:
    paused = ("run.paused", {"text": "Proposed.", "outcome": "proposed", "approval_id": ASKED["approval_id"]})
    events = told(("approval.requested", ASKED), ("approval.requested", ASKED), paused)
    assert kinds(events).endswith("text_message_end run_finished")
    [waiting] = events[-1]["outcome"]["interrupts"]
    assert (waiting["id"], waiting["expiresAt"]) == (ASKED["approval_id"], CARD["expires_at"])
    assert waiting["metadata"]["nightshift"]["intentHash"] == CARD["intent_hash"]
    assert "service:test/shop" in waiting["message"]


def test_an_attempt_that_was_cut_is_taken_back() -> None:
    again = told(
        ("token", {"text": "half an "}), ("run.restarted", {"attempt": 2}), ("token", {"text": "It is v42."}),
        ("run.finished", {"text": "It is v42.", "outcome": "answered"}),
    )  # fmt: skip
    assert "text_message_end messages_snapshot text_message_start" in kinds(again)
    [snapshot] = [event for event in again if event["type"] == "MESSAGES_SNAPSHOT"]
    assert [message["id"] for message in snapshot["messages"]] == ["m1"]


def test_ends_other_than_an_answer_have_their_own_outcome() -> None:
    cancelled = told(("token", {"text": "ha"}), ("run.finished", {"text": "ha", "outcome": "cancelled"}))
    assert cancelled[-1]["outcome"] == {"type": "cancelled"}
    broken = told(("token", {"text": "ha"}), ("error", {"reason": "took_too_long", "text": "No answer in time."}))
    assert kinds(broken).endswith("text_message_end run_error")
    assert broken[-1] == {"type": "RUN_ERROR", "message": "No answer in time.", "code": "took_too_long"}


@pytest.fixture
async def approval(door: Any) -> dict[str, Any]:
    """A rollback of the shop that waits, its card in the approver's thread `t1`."""
    approval = await ask_for_approval(door)
    await show(door, approval, "approver")
    return approval


async def show(door: Any, approval: dict[str, Any], holder: str) -> None:
    async with door.store.begin() as conn:
        person = await people.holder(conn, door.keys[holder])
        assert person
        thread = await threads.create(conn, person_id=person["id"], door="ag-ui", outside_key="t1")
        body = {name: approval[name] for name in ("execution_id", "intent_hash", "card")}
        await threads.append(conn, thread["id"], "approval.requested", {"approval_id": approval["id"], **body})


async def resume(door: Any, approval_id: str, payload: Any, holder: str = "approver", **more: Any) -> dict[str, Any]:
    """Answer an interrupt; the last event."""
    resumed = {"interruptId": approval_id, "status": more.pop("status", "resolved"), "payload": payload}
    body = {"threadId": "t1", "runId": "r2", "messages": [], "resume": [resumed], **more}
    answer = await door.post("/ag-ui", body, holder)
    assert answer.status_code == 200, answer.text
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    for event in events:
        EVENTS.validate_python(event)
    assert events[0]["type"] == "RUN_STARTED"
    return dict(events[-1])


async def test_forged_stale_and_foreign_answers_decide_nothing(door: Any, approval: dict[str, Any]) -> None:
    key, good = approval["id"], {"verdict": "approve"}
    strange = "0199c2e4-9b20-7c3a-9a51-0d8b8c0f2f13"

    async def refused(reason: str, *given: Any, **more: Any) -> None:
        last = await resume(door, *given, **more)
        assert (last["type"], last["code"]) == ("RUN_ERROR", reason), (reason, given, more, last)

    await refused("not_shown_here", strange, good)
    await refused("not_shown_here", key[:17], good)
    await refused("not_shown_here", key, good, threadId="t2")
    await refused("not_shown_here", key, good, "operator")
    await refused("not_shown_here", key, None, status="cancelled", threadId="t2")
    for nothing in (None, {}, "yes", "approve", 1, [True], {"verdict": "maybe"}, {"approved": "yes"}, {"approved": 1}):
        await refused("no_verdict", key, nothing)
    await refused("no_verdict", key, {"verdict": "approve", "approved": False})
    await refused("no_verdict", key, {"verdict": "approve", "intent_hash": "short"})
    await refused("other_action", key, {"verdict": "approve", "intent_hash": "0" * 64})
    for holder in ("viewer", "responder"):
        await show(door, approval, holder)
        await refused("role_missing", key, good, holder)
    machine = await door.post("/ag-ui", {}, "prometheus")
    assert (machine.status_code, machine.json()["reason"]) == (403, "role_missing")
    assert await door.rows("SELECT 1 FROM approval_votes") == []
    await door.rows("UPDATE approvals SET expires_at = store.now() - interval '1 second' RETURNING id")
    await refused("expired", key, good)
    assert await door.rows("SELECT 1 FROM approval_votes") == []


async def test_who_may_rejects_once(door: Any, approval: dict[str, Any]) -> None:
    left = await resume(door, approval["id"], None, status="cancelled")
    assert left["outcome"] == {"type": "success"}
    assert (await door.get(f"/api/v1/approvals/{approval['id']}")).json()["state"] == "pending"
    given = {"verdict": "reject", "reason": "not the release", "intent_hash": approval["intent_hash"]}
    assert (await resume(door, approval["id"], given))["outcome"] == {"type": "success"}
    [vote] = await door.rows("SELECT verdict, reason, via FROM approval_votes")
    assert vote == {"verdict": "reject", "reason": "not the release", "via": "ag-ui"}
    again = await resume(door, approval["id"], given)
    assert (again["type"], again["code"]) == ("RUN_ERROR", "decided")


async def test_what_cannot_be_asked_is_a_problem_before_any_event(door: Any) -> None:
    said = {"threadId": "t1", "runId": "r1", "messages": [{"id": "m", "role": "user", "content": "x" * 20_000}]}
    long = await door.post("/ag-ui", said, "viewer")
    assert (long.status_code, long.json()["reason"]) == (422, "text_too_long")
    for messages in ([], [{"id": "m", "role": "assistant", "content": "approve"}], [{"role": "user", "content": []}]):
        empty = await door.post("/ag-ui", {**said, "messages": messages}, "viewer")
        assert (empty.status_code, empty.json()["reason"]) == (422, "no_user_message")
    assert (await door.post("/ag-ui", {**said, "threadId": "x" * 201}, "viewer")).status_code == 422
    assert await door.rows("SELECT 1 FROM thread_runs") == []
