"""A chat with a model: it looks, it answers as it speaks, it may wish; what goes wrong is left to the rules."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import model_endpoint
from agent.context import CHAT, Context, ModelSettings
from agent.speech import SPEECH_CHARS_MAX
from core.execution import State
from evals.scripted_model import Fault, Turn, scripted_model
from store import approvals, incidents, people, timeline
from store import site as sites
from tests.agent.chat_world import ChatWorld, open_chat_world
from tests.agent.model_world import call
from tools.act.gate import KILL_SWITCH

ROLLBACK = call(
    "propose_action", playbook_id="rollback-bad-release", parameters={"service": "shop", "to_version": "2.3.9"}
)
FAULTS = {
    Fault.AUTH: "auth",
    Fault.CONTEXT_TOO_LONG: "context_too_long",
    Fault.REFUSAL: "refused",
    Fault.HUGE: "bad_output",
    Fault.TIMEOUT: "timeout",
}
RULES_SPOKE = "Answered by fixed rules: "


@pytest.fixture
async def world(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatWorld]:
    monkeypatch.setattr(model_endpoint, "BREAKERS", {})
    async with open_chat_world(database, tmp_path) as made:
        yield made


async def test_it_looks_and_answers_as_it_speaks_and_only_the_chat_hears_of_it(world: ChatWorld) -> None:
    script = [
        Turn(text="I look.", tool_calls=[("list_changes", {"service": "shop"})]),
        Turn(text="Release 2.4.0 of shop came 12 s before the first alert [T1]. Who made it is not known."),
    ]
    ending = await world.converse("what changed? my password=hunter2secret", script)

    assert ending.text == f"I look.\n\n{script[1].text}"
    assert (ending.outcome, ending.approval_id) == ("answered", "")
    kinds = [kind for kind, _ in world.events]
    assert kinds.index("token") < kinds.index("tool.started") < kinds.index("tool.finished") < kinds.index("evidence")
    assert kinds.count("token") > 5, "it is heard as it is spoken"
    (finished,) = world.told("tool.finished")
    assert "to cite: T1 (change) deploy shop 2.3.9 -> 2.4.0" in finished["lines"][2]
    assert [body["id"] for body in world.told("evidence")] == ["T1"]
    (cost,) = world.told("run.model")
    assert (cost["outcome"], cost["calls"], cost["tool_calls"]) == ("answered", 2, 1)
    assert not await world.shop.told("tool.started"), "the incident's timeline is not the chat's"
    assert "hunter2" not in json.dumps(world.requests)
    first = world.requests[0]["messages"]
    assert first[0]["content"].endswith("Answer in English.")
    assert "#1 HighErrorRate on shop" in first[-1]["content"]


async def test_a_wish_becomes_a_proposal_of_the_person_and_waits_for_people(world: ChatWorld) -> None:
    words = "Roll it back, please."
    ending = await world.converse(words, [call("list_allowed_actions"), ROLLBACK])

    (row,) = await world.executions()
    assert (row["origin"], row["requester"], row["state"]) == ("person", "night", State.AWAITING_APPROVAL)
    async with world.shop.store.begin() as conn:
        approval = await approvals.of_execution(conn, row["id"])
        assert approval
        assert not await approvals.votes(conn, approval["id"])
    assert (ending.outcome, ending.approval_id) == ("proposed", str(approval["id"]))
    assert ending.text.startswith("Proposed in your name: rollback-bad-release on shop (demo). 1 × approver must ")
    (asked,) = world.told("approval.requested")
    assert (asked["approval_id"], asked["intent_hash"]) == (str(approval["id"]), row["intent_hash"])
    assert asked["card"]["why"] == f"night asked for it: the model chose it in a chat, after: “{words}”"
    assert [r["reason"] for r in await world.shop.told("decision")] == ["tier"]
    assert len(world.requests) == 2, "after its wish the model has no further word"


async def test_a_worker_that_dies_after_the_proposal_makes_no_second_one(world: ChatWorld) -> None:
    turn = world.turn("roll it back")

    class Dies(Exception):
        pass

    async def deaf(kind: str, body: Mapping[str, Any]) -> None:
        if kind == "approval.requested":
            raise Dies

    async with scripted_model([ROLLBACK]) as server:
        settings = ModelSettings(server.base_url, "test-key", "scripted-1")
        with pytest.raises(Dies):
            await world.chats.answer(world.context(settings), turn, deaf)
        ending = await world.hear(turn, settings)

    (row,) = await world.executions()
    (asked,) = world.told("approval.requested")
    assert asked["execution_id"] == str(row["id"])
    assert ending.approval_id == asked["approval_id"]
    assert len(server.requests) == 1, "what the model wished for is remembered"


async def test_who_may_not_propose_is_offered_nothing_and_a_role_that_is_lost_counts_at_once(world: ChatWorld) -> None:
    world.role = "viewer"
    refused = await world.converse("roll it back", [ROLLBACK, ROLLBACK])
    assert "propose_action" not in _offered(world)
    assert "list_allowed_actions" not in _offered(world)
    assert refused.text.endswith(f"{RULES_SPOKE}the model gave no answer (bad_output).")

    world.role = "responder"
    async with scripted_model([Turn(text="Fine.")]) as server:
        settings = ModelSettings(server.base_url, "test-key", "scripted-1")
        await world.hear(replace(world.turn("roll it back"), person_id=None), settings)
        world.requests = server.requests
    assert "propose_action" not in _offered(world), "who is no person proposes nothing"

    async with world.shop.store.begin() as conn:
        await people.set_role(conn, "night", "viewer", by="test")
    late = await world.converse("roll it back", [ROLLBACK])
    assert (late.outcome, late.text) == ("refused", "Your role may not propose actions: a responder may.")
    assert await world.executions() == []


async def test_policy_refuses_a_wish_in_the_persons_language(world: ChatWorld) -> None:
    async with world.shop.store.begin() as conn:
        await sites.set_switch(conn, KILL_SWITCH, True, by="lead", reason="test")
    ending = await world.converse("请回滚", [Turn(text="好。", tool_calls=ROLLBACK.tool_calls)])

    assert ending.outcome == "refused"
    assert ending.text.startswith("好。\n\n策略不允许 rollback-bad-release（shop (demo)）：拒绝（kill_switch：")
    (row,) = await world.executions()
    assert (row["state"], row["decision"]["guardrail"]) == (State.DENIED, "kill_switch")
    assert world.requests[0]["messages"][0]["content"].endswith("in simplified characters.")


async def test_nothing_is_offered_on_an_incident_that_is_over(world: ChatWorld) -> None:
    async with world.shop.store.begin() as conn:
        await incidents.set_state(conn, world.shop.incident["id"], "resolved", by="test", only_from=["open"])

    await world.converse("restart something", [Turn(text="It is over [#1].")])

    assert "propose_action" not in _offered(world)


async def test_in_general_it_looks_at_all_services_and_proposes_nothing(world: ChatWorld) -> None:
    world.in_thread = False
    async with world.shop.store.begin() as conn:
        await incidents.set_state(conn, world.shop.incident["id"], "resolved", by="test", only_from=["open"])
    script = [
        Turn(tool_calls=[
            ("open_incidents", {}), ("incident_status", {"number": 1}), ("incident_status", {"number": 7}),
            ("list_changes", {"minutes": 60}), ("who_is_on_call", {}), ("who_approved", {}),
            ("search_logs", {"service": "shop"}), ("query_metrics", {"signal": "shop/errors"}),
        ]),
        Turn(text="Nothing is open."),
    ]  # fmt: skip
    ending = await world.converse("what happened today?", script)

    assert ending.text == "Nothing is open."
    answers = [answer.split("\n", 3)[3] for answer in world.answers()]
    assert "No incident is open." in answers[0]
    assert "#1 HighErrorRate on shop: P1, resolved" in answers[1]
    assert "no data (there is no incident #7)" in world.answers()[2]
    assert "deploy shop 2.3.9 -> 2.4.0 by ci" in answers[3]
    assert "There is no rota" in answers[4]
    assert "Nobody was asked" in answers[5]
    assert "INFO started" in answers[6]
    assert "errors of shop went from 0.01 to 0.4" in answers[7]
    offered = _offered(world)
    assert not offered & {"propose_action", "list_alerts", "rank_metrics", "explain_policy", "incident_timeline"}


async def test_evidence_that_does_not_exist_is_called_so(world: ChatWorld) -> None:
    script = [call("list_changes", service="shop"), Turn(text="The release [T1], says the database [T7], [E9].")]
    ending = await world.converse("why?", script)

    assert ending.text.endswith("[E9].\n\n(There is no evidence E9, T7: do not rely on what cites it.)")


async def test_a_tool_explains_policy_as_the_rules_do(world: ChatWorld) -> None:
    script = [call("explain_policy", playbook="rollback-bad-release"), Turn(text="It may, once approved.")]
    await world.converse("why not roll back? 为什么", script)

    assert "rollback-bad-release on shop (demo): allowed once approved (tier" in world.answers()[0]


async def test_a_model_that_fails_leaves_the_answer_to_the_rules(world: ChatWorld) -> None:
    for fault, reason in FAULTS.items():
        patience_s = 0.5 if fault is Fault.TIMEOUT else 20.0
        broken = [Turn(fault=fault, fault_times=9)]
        ending = await world.converse("what changed on shop?", broken, timeout_s=patience_s)

        assert [body["reason"] for body in world.told("degraded")] == [reason], fault
        assert ending.outcome == "answered"
        assert "deploy shop 2.3.9 -> 2.4.0 by ci" in ending.text
        assert ending.text.endswith(f"{RULES_SPOKE}the model gave no answer ({reason}).")
        assert len(ending.text) < 2 * SPEECH_CHARS_MAX


async def test_an_answer_that_breaks_off_is_kept_and_completed_by_the_rules(world: ChatWorld) -> None:
    broken = Turn(text="The release did it, I think, and " * 4, fault=Fault.HALF_STREAM, fault_times=9)
    ending = await world.converse("what changed on shop?", [broken])

    assert ending.text.startswith("The release did it, I think, and ")
    assert "\n\nChanges of shop from " in ending.text
    assert [body["reason"] for body in world.told("degraded")] == ["unavailable"]
    assert len(world.requests) == 1, "what people have read is not said again in other words"


async def test_at_each_limit_of_the_budget_the_rules_answer(world: ChatWorld) -> None:
    async with scripted_model(lambda _: call("list_alerts")) as server:
        settings = ModelSettings(server.base_url, "test-key", "scripted-1")
        ending = await world.hear(world.turn("status"), settings)
        assert len(server.requests) == CHAT.steps_max
    assert [body["reason"] for body in world.told("degraded")] == ["budget"]
    assert ending.text.endswith(f"{RULES_SPOKE}the model gave no answer (budget).")
    assert world.told("tool.finished")[1]["from_memory"]

    await world.converse("status", [Turn(text="Never asked.")], budget=replace(CHAT, tokens_max=500))
    assert [body["reason"] for body in world.told("degraded")] == ["budget"]
    assert world.requests == [], "what it would cost is known before"

    looks = Turn(tool_calls=[("list_alerts", {}), ("list_changes", {})])
    await world.converse("status", [looks, Turn(text="Two.")], budget=replace(CHAT, tool_calls_max=1))
    assert "all 1 tool calls are spent" in world.answers()[1]

    silent = await world.converse("status", [Turn(fault=Fault.EMPTY, fault_times=2)])
    assert [body["reason"] for body in world.told("degraded")] == ["bad_output"]
    assert len(world.requests) == 2, "one chance to say something"
    assert silent.text.endswith(f"{RULES_SPOKE}the model gave no answer (bad_output).")


async def test_what_was_said_before_is_remembered_within_the_budget(world: ChatWorld) -> None:
    history = tuple(
        (("person", "assistant")[n % 2], f"message {n}: token=hunter{n}secret " + "and so on " * 60) for n in range(80)
    )
    await world.converse("and now?", [Turn(text="As before.")], history=history)

    system, summary, *said, last = world.requests[0]["messages"]
    assert system["role"] == "system"
    assert summary["content"].startswith("Earlier in this chat, shortened:\n")
    assert {message["role"] for message in said} == {"user", "assistant"}
    assert said[-1]["content"].startswith("message 79: token=<SECRET:")
    assert last["content"].endswith("The person asks:\nand now?")
    assert "hunter" not in json.dumps(world.requests)
    assert len(json.dumps(world.requests[0]["messages"])) < 40_000


async def test_who_takes_the_words_may_stop_it_at_any_word(world: ChatWorld) -> None:
    class Lost(Exception):
        pass

    heard: list[str] = []

    async def leave(kind: str, body: Mapping[str, Any]) -> None:
        heard.append(kind)
        if kind == "token":
            raise Lost

    async with scripted_model([Turn(text="It is " * 50)]) as server:
        settings = ModelSettings(server.base_url, "test-key", "scripted-1")
        turn = world.turn("status")
        with pytest.raises(Lost):
            await world.chats.answer(world.context(settings), turn, leave)
    assert heard == ["token"], "no excuse by the rules follows"

    later = await world.hear(turn)  # the same run again, where the model was taken away meanwhile
    assert [body["reason"] for body in world.told("degraded")] == ["unavailable"]
    assert later.text.startswith("#1 HighErrorRate on shop")


async def test_a_chat_is_told_nothing_of_the_incident_but_what_is_decided(world: ChatWorld) -> None:
    await world.converse("status", [call("incident_timeline"), Turn(text="Fine.")])

    async with world.shop.store.begin() as conn:
        assert await timeline.after(conn, world.shop.incident["id"], 0) == []


def test_a_turn_of_a_chat_costs_less_than_an_investigation() -> None:
    usual = Context.__dataclass_fields__["budget"].default_factory()  # type: ignore[operator]

    assert CHAT.steps_max < usual.steps_max
    assert CHAT.seconds_max < usual.seconds_max
    assert CHAT.tokens_max < usual.tokens_max


def _offered(world: ChatWorld) -> set[str]:
    return {tool["function"]["name"] for tool in world.requests[0]["tools"]}
