"""With a model: it refines the diagnosis and picks a playbook; whatever goes wrong, the rules' result stands."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent import model_endpoint
from agent.budget import Meter, count_tokens
from agent.context import Budget, ModelSettings
from agent.model_endpoint import FAILURES_UNTIL_OPEN, OPEN_S, Breaker
from agent.model_failure import FailureKind, ModelFailure
from core.diagnosis import Cause
from core.evidence import EvidenceKind
from evals.scripted_model import ALWAYS, Fault, Turn, scripted_model
from tests.agent.model_world import DRAFT, ROLLBACK, World, call, open_world


@pytest.fixture
async def world(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(model_endpoint, "BREAKERS", {})
    monkeypatch.setattr(model_endpoint, "BACKOFF_S", 0.0)
    async with open_world(database.url, tmp_path) as made:
        made.log("INFO started")
        yield made


async def test_the_model_refines_the_diagnosis_and_picks_a_playbook(world: World) -> None:
    script = [
        call("rank_metrics"),
        call("list_changes", minutes=30),
        call("propose_action", **{**ROLLBACK, "cause": "bad_release", "service": "shop", "evidence_ids": ["E1", "T1"]}),
    ]

    diagnosis, wish = await world.investigate(script)

    assert wish == {"playbook_id": "rollback-bad-release", "parameters": {"service": "shop", "to_version": "2.3.9"}}
    assert (diagnosis.cause, diagnosis.service, diagnosis.by) == (Cause.BAD_RELEASE, "shop", "model")
    assert diagnosis.summary == "Release 2.4.0 broke the checkout."
    assert "Which part of the release it is." in diagnosis.unknowns
    assert not diagnosis.degraded
    # Cited evidence of two kinds that no outsider writes: the release and the metric that the tool found.
    assert diagnosis.confirmed
    added = [e for e in diagnosis.evidence if e.id == "T1"]
    assert [e.kind for e in added] == [EvidenceKind.METRIC_SHIFT]
    assert "errors of shop rose" in added[0].statement


async def test_it_starts_from_the_rules_result_and_every_tool_answers(world: World) -> None:
    asked = [
        ("list_alerts", {}),
        ("query_metrics", {"signal": "shop/errors"}),
        ("rank_metrics", {}),
        ("service_health", {"service": "pricing"}),
        ("list_changes", {}),
        ("search_logs", {"service": "shop", "words": "started"}),
        ("compare_logs", {"service": "shop"}),
        ("similar_incidents", {}),
        ("recommended_fix", {}),
        ("list_allowed_actions", {}),
        ("incident_timeline", {}),
    ]
    script = [Turn(tool_calls=asked), call("conclude", root_cause="Nobody knows.", evidence_ids=[], confidence=0.1)]

    diagnosis, wish = await world.investigate(script)

    assert wish == {}
    assert not diagnosis.degraded
    opening = world.requests[0]["messages"][1]
    assert opening["role"] == "user"
    assert DRAFT.summary in opening["content"]
    assert "E1 (change)" in opening["content"]
    offered = {tool["function"]["name"] for tool in world.requests[0]["tools"]}
    assert offered == {name for name, _ in asked} | {"propose_action", "conclude"}
    answers = dict(zip([name for name, _ in asked], world.answers(), strict=True))
    assert "HighErrorRate on shop" in answers["list_alerts"]
    assert "usual 0.01" in answers["query_metrics"]
    assert "no rule watches pricing" in answers["service_health"]
    assert "deploy shop 2.3.9 -> 2.4.0" in answers["list_changes"]
    assert "INFO started" in answers["search_logs"]
    assert "no data (no similar incident is known)" in answers["similar_incidents"]
    assert '"to_version": "2.3.9"' in answers["list_allowed_actions"]
    assert not [name for name, text in answers.items() if "error," in text]
    finished = await world.told("tool.finished")
    assert [row["body"]["tool"] for row in finished] == [name for name, _ in asked]
    assert all(row["body"]["bytes"] > 0 and row["body"]["seconds"] >= 0 for row in finished)
    assert len(await world.told("tool.started")) == len(asked)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.TIMEOUT, "timeout"),
        (Fault.RATE_LIMIT, "rate_limit"),
        (Fault.SERVER_ERROR, "unavailable"),
        (Fault.HALF_STREAM, "unavailable"),
        (Fault.BAD_JSON, "bad_output"),
        (Fault.UNKNOWN_TOOL, "bad_output"),
        (Fault.HUGE, "bad_output"),
        (Fault.REFUSAL, "refused"),
        (Fault.EMPTY, "bad_output"),
        (Fault.CONTEXT_TOO_LONG, "context_too_long"),
        (Fault.AUTH, "auth"),
    ],
)
async def test_every_fault_of_a_model_leaves_the_draft_standing(world: World, fault: Fault, kind: str) -> None:
    assert {f.value for f in Fault} == {f for f in Fault}, "each fault of the scripted model is tried here"
    bad = Turn(tool_calls=[("propose_action", ROLLBACK)], fault=fault, fault_times=ALWAYS, retry_after_seconds=0)

    diagnosis, wish = await world.investigate([bad], timeout_s=0.5 if fault is Fault.TIMEOUT else 20.0)

    assert wish == {}
    assert diagnosis.degraded.startswith(f"{kind}: ")
    assert (diagnosis.summary, diagnosis.evidence, diagnosis.by) == (DRAFT.summary, DRAFT.evidence, "rules")
    ended = await world.told("run.model")
    assert [row["reason"] for row in ended] == [kind]


async def test_a_fault_that_passes_is_tried_again_twice_and_no_more(world: World) -> None:
    ending = ("propose_action", ROLLBACK)
    flaky = Turn(tool_calls=[ending], fault=Fault.SERVER_ERROR, fault_times=2)

    _, wish = await world.investigate([flaky])

    assert wish["playbook_id"] == "rollback-bad-release"
    assert len(world.requests) == 3
    diagnosis, wish = await world.investigate(
        [Turn(tool_calls=[ending], fault=Fault.RATE_LIMIT, fault_times=3, retry_after_seconds=0)]
    )
    assert (wish, len(world.requests)) == ({}, 3)
    assert diagnosis.degraded.startswith("rate_limit: ")


async def test_half_a_stream_is_never_acted_on(world: World) -> None:
    """The cut comes in the middle of a sound proposal; only the whole one, asked for again, counts."""
    _, wish = await world.investigate([Turn(tool_calls=[("propose_action", ROLLBACK)], fault=Fault.HALF_STREAM)])

    assert len(world.requests) == 2
    assert wish["parameters"] == ROLLBACK["parameters"]


async def _serve_one_proposal(finish: str | None) -> tuple[asyncio.Server, str]:
    """An endpoint that streams a sound proposal and ends the stream in good order, with this finish reason."""
    sound = {"index": 0, "id": "a", "function": {"name": "propose_action", "arguments": json.dumps(ROLLBACK)}}
    choices = [{"delta": {"role": "assistant", "tool_calls": [sound]}}, {"delta": {}, "finish_reason": finish}]
    base = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "scripted-1"}
    events = [json.dumps({**base, "choices": [{"index": 0, "finish_reason": None, **choice}]}) for choice in choices]
    body = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = re.findall(rb"content-length: (\d+)", head.lower())
        await reader.readexactly(int(length))
        kind = "content-type: text/event-stream\r\nconnection: close"
        writer.write(f"HTTP/1.1 200 OK\r\n{kind}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.parametrize(
    ("finish", "kind"),
    [("tool_calls", ""), ("stop", ""), (None, "unavailable"), ("length", "bad_output"), ("content_filter", "refused")],
)
async def test_a_sound_call_counts_only_if_the_reply_came_to_its_end(
    world: World, finish: str | None, kind: str
) -> None:
    server, url = await _serve_one_proposal(finish)
    async with server:
        diagnosis, wish = await world.investigate_at(ModelSettings(url, "test-key", "scripted-1"))

    assert diagnosis.degraded.partition(":")[0] == kind
    assert bool(wish) is (kind == "")


async def test_one_bad_output_may_be_corrected(world: World) -> None:
    bad = Turn(tool_calls=[("propose_action", ROLLBACK)], fault=Fault.BAD_JSON)

    diagnosis, wish = await world.investigate([bad, Turn(text="I think it is the release."), bad])

    # The first turn is bad and then good; the words after it are never asked for.
    assert wish["playbook_id"] == "rollback-bad-release"
    assert not diagnosis.degraded
    assert "the arguments must be one JSON object" in world.answers()[0]


async def test_words_without_a_call_are_asked_for_a_call_once(world: World) -> None:
    diagnosis, wish = await world.investigate([Turn(text="It is the release."), Turn(text="As I said.")])

    assert wish == {}
    assert diagnosis.degraded == "bad_output: it called no tool."


async def test_after_five_failures_an_endpoint_is_left_alone(world: World) -> None:
    async with scripted_model([Turn(fault=Fault.AUTH, fault_times=ALWAYS)]) as server:
        settings = ModelSettings(server.base_url, "test-key", "scripted-1")
        for _ in range(FAILURES_UNTIL_OPEN):
            await world.investigate_at(settings)
        diagnosis, wish = await world.investigate_at(settings)

    assert len(server.requests) == FAILURES_UNTIL_OPEN
    assert (wish, diagnosis.degraded[:12]) == ({}, "unavailable:")


def test_an_open_breaker_lets_one_try_after_a_minute() -> None:
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    for _ in range(FAILURES_UNTIL_OPEN - 1):
        breaker.note(failed=True)
    breaker.check()
    breaker.note(failed=True)
    with pytest.raises(ModelFailure):
        breaker.check()
    now[0] = OPEN_S
    breaker.check()
    with pytest.raises(ModelFailure):
        breaker.check()  # while the first one tries
    breaker.note(failed=False)
    breaker.check()


async def test_steps_are_limited_and_the_last_one_must_end(world: World) -> None:
    def script(request: dict[str, Any]) -> Turn:
        names = [tool["function"]["name"] for tool in request["tools"]]
        return call("list_alerts") if "list_alerts" in names else call("propose_action", **ROLLBACK)

    _, wish = await world.investigate(script, budget=Budget(steps_max=3))

    assert wish["playbook_id"] == "rollback-bad-release"
    assert len(world.requests) == 3
    assert "your last step" in world.requests[-1]["messages"][-1]["content"]

    diagnosis, wish = await world.investigate(lambda _: call("list_alerts"), budget=Budget(steps_max=3))
    assert (wish, diagnosis.degraded) == ({}, "budget: all 3 steps are spent.")
    assert len(world.requests) == 3


async def test_tool_calls_are_limited_and_the_model_is_told_to_end(world: World) -> None:
    script = [
        Turn(tool_calls=[("list_alerts", {}), ("recommended_fix", {}), ("list_changes", {})]),
        call("propose_action", **ROLLBACK),
    ]

    _, wish = await world.investigate(script, budget=Budget(tool_calls_max=2))

    assert wish["playbook_id"] == "rollback-bad-release"
    assert "all 2 tool calls are spent" in world.answers()[2]
    assert len(await world.told("tool.started")) == 2


async def test_tokens_are_limited_and_recorded(world: World) -> None:
    greedy = Turn(tool_calls=[("list_alerts", {})], usage=(40_000, 500))

    diagnosis, wish = await world.investigate(
        [greedy, call("propose_action", **ROLLBACK)], budget=Budget(tokens_max=41_000)
    )

    assert (wish, diagnosis.degraded) == ({}, "budget: the 41000 tokens are spent.")
    body = (await world.told("run.model"))[0]["body"]
    assert (body["tokens_in"], body["tokens_out"], body["calls"], body["model"]) == (40_000, 500, 1, "scripted-1")


async def test_tokens_add_up_over_the_calls_of_an_incident(world: World) -> None:
    script = [
        Turn(tool_calls=[("list_alerts", {})], usage=(1000, 20)),
        Turn(tool_calls=[("propose_action", ROLLBACK)], usage=(1500, 30)),
    ]

    await world.investigate(script)

    body = (await world.told("run.model"))[0]["body"]
    assert (body["tokens_in"], body["tokens_out"], body["calls"], body["confidence"]) == (2500, 50, 2, 0.8)


async def test_seconds_are_limited(world: World) -> None:
    began = time.monotonic()

    diagnosis, wish = await world.investigate(
        [Turn(fault=Fault.TIMEOUT, fault_times=ALWAYS)], budget=Budget(seconds_max=1.0)
    )

    assert (wish, diagnosis.degraded) == ({}, "budget: the 1 s are spent.")
    assert time.monotonic() - began < 10


async def test_every_answer_keeps_to_its_bytes_and_says_when_it_was_cut(world: World) -> None:
    world.log(*(f"INFO line {number} {'ä' * 300}" for number in range(100)))
    script = [call("search_logs", service="shop", words="line"), call("propose_action", **ROLLBACK)]

    for limit in (1024, 8 * 1024):
        await world.investigate(script, budget=Budget(answer_bytes_max=limit))
        (answer,) = world.answers()
        assert limit - 1000 < len(answer.encode()) <= limit
        assert "the rest was cut" in answer
    assert [row["body"]["cut"] for row in await world.told("tool.finished")] == [True, True]


async def test_the_same_question_again_is_answered_from_memory_and_counted(world: World) -> None:
    script = [
        call("search_logs", service="shop", words="started"),
        call("search_logs", words="started", service="shop"),
        call("propose_action", **ROLLBACK),
    ]

    await world.investigate(script)

    first, second = world.answers()
    assert first == second
    assert [row["body"]["from_memory"] for row in await world.told("tool.finished")] == [False, True]
    assert (await world.told("run.model"))[0]["body"]["loops"] == 1


async def test_wrong_arguments_are_answered_and_not_obeyed(world: World) -> None:
    wrong = [
        ("search_logs", {"service": "../../etc", "words": "x"}),
        ("search_logs", {"service": "billing"}),  # a service of the site, not of this incident
        ("list_changes", {"minutes": 10**9}),
        ("list_alerts", {"sql": "DROP TABLE alerts"}),
        ("query_metrics", {"signal": "up{}"}),
        ("compare_logs", {}),
    ]

    await world.investigate([Turn(tool_calls=wrong), call("propose_action", **ROLLBACK)])

    assert len(world.answers()) == len(wrong)
    assert all("error, try again differently" in answer for answer in world.answers())


def test_a_meter_stops_exactly_at_each_limit() -> None:
    now = [0.0]
    meter = Meter(Budget(steps_max=2, tool_calls_max=1, tokens_max=100, seconds_max=10.0), clock=lambda: now[0])
    meter.spend_step(100)
    assert (meter.spend_tool_call(), meter.spend_tool_call()) == (True, False)
    meter.add_tokens(50, 40)
    with pytest.raises(ModelFailure, match="100 tokens"):
        meter.spend_step(11)
    meter.spend_step(10)
    with pytest.raises(ModelFailure, match="2 steps"):
        meter.spend_step(0)
    now[0], meter.steps = 10.0, 0
    with pytest.raises(ModelFailure, match="10 s") as failed:
        meter.spend_step(0)
    assert failed.value.kind is FailureKind.BUDGET


def test_tokens_are_counted_without_a_vocabulary_and_without_a_network() -> None:
    assert count_tokens("") == 0
    assert 10 <= count_tokens("the quick brown fox jumps over the lazy dog") <= 20
