"""Answers as a worker gives them: in order, in frames, taken up again, and never into a run that is somebody else's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from agent.turn import Ending
from core.errors import Unavailable
from engine import answering, chatting
from engine.answering import answer_thread, sweep_threads
from engine.approving import decide
from engine.forgetting import TALK_KEPT_S, forget_old
from engine.transcript import FRAME_S, Lost, TooLong, Transcript
from evals.scripted_model import Turn, scripted_model
from store import approvals, people, thread_runs, threads
from store.pool import Row
from tests.engine.ward import Ward

WORDS = "The release of ten o'clock broke the checkout, as its log shows. " * 4


class Talk:
    """One thread of `first`, and what a worker does with it."""

    def __init__(self, ward: Ward, thread: Row) -> None:
        self.ward, self.thread = ward, thread

    async def ask(self, text: str = "what broke?", person: str = "first") -> UUID:
        async with self.ward.store.begin() as conn:
            return await chatting.say(conn, self.thread, self.ward.people[person], "approver", text)

    async def rows(self, run: UUID | None = None) -> list[Row]:
        async with self.ward.store.begin() as conn:
            found = await threads.after(conn, self.thread["id"], 0)
        return [row for row in found if run is None or row["run_id"] == run]

    async def kinds(self, run: UUID) -> list[str]:
        """The kinds of a run's rows, words only once."""
        kinds = [row["kind"] for row in await self.rows(run)]
        return [kind for at, kind in enumerate(kinds) if kind != "token" or kinds[at - 1] != "token"]

    async def run(self, run: UUID) -> Row:
        async with self.ward.store.begin() as conn:
            return await thread_runs.get(conn, run)

    async def take_up(self) -> Row:
        """As a worker does that answers then by itself."""
        row = await answering._take_up(self.ward.house, self.thread["id"])
        assert row is not None
        return row

    async def cancel(self, person: str = "first") -> bool:
        async with self.ward.store.begin() as conn:
            return await chatting.cancel(conn, self.thread["id"], self.ward.people[person])


@pytest.fixture
async def talk(ward: Ward) -> AsyncIterator[Talk]:
    async with ward.store.begin() as conn:
        thread = await threads.create(conn, person_id=ward.people["first"].id, door="api")
    yield Talk(ward, thread)
    await ward.house._stack.aclose()


@asynccontextmanager
async def model(ward: Ward, script: list[Turn] | Callable[[dict[str, Any]], Turn]) -> AsyncIterator[None]:
    """The house's model says this."""
    async with scripted_model(script) as server:
        before = ward.house.settings
        ward.house.settings = before.model_copy(
            update={"openai_base_url": server.base_url, "openai_api_key": SecretStr("test-key"), "model": "scripted-1"}
        )
        yield
        ward.house.settings = before


async def test_answers_come_in_the_order_of_the_questions_and_know_what_was_said(talk: Talk) -> None:
    requests: list[dict[str, Any]] = []

    def script(request: dict[str, Any]) -> Turn:
        requests.append(request)
        return Turn(f"answer {len(requests)}")

    async with model(talk.ward, script):
        one, two = await talk.ask("what broke?"), await talk.ask("since when?")
        await answer_thread(talk.ward.house, str(two))  # whichever job comes first
        await answer_thread(talk.ward.house, str(one))
    assert [(await talk.run(run))["answer"] for run in (one, two)] == ["answer 1", "answer 2"]
    assert await talk.kinds(one) == ["message", "run.started", "token", "run.model", "run.finished"]
    rows = await talk.rows()
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    said = [message["content"] for message in requests[1]["messages"] if message["role"] in ("user", "assistant")]
    assert any("what broke?" in text for text in said[:-1])
    assert any("answer 1" in text for text in said[:-1])
    assert "since when?" in said[-1]
    assert len(requests) == 2, "a question is answered once"


async def test_nobody_who_asked_waits_for_an_answer_that_was_cancelled(talk: Talk) -> None:
    thinks, goes_on = threading.Event(), threading.Event()

    def script(request: dict[str, Any]) -> Turn:
        thinks.set()
        goes_on.wait(20)
        return Turn(WORDS)

    async with model(talk.ward, script):
        run = await talk.ask()
        working = asyncio.create_task(answer_thread(talk.ward.house, str(run)))
        await asyncio.to_thread(thinks.wait, 20)
        assert await talk.cancel("second") is False, "only what one asked oneself"
        assert await talk.cancel() is True
        async with asyncio.timeout(15):
            await working  # although the model says nothing
        goes_on.set()
    assert (await talk.run(run))["state"] == "cancelled"
    assert await talk.kinds(run) == ["message", "run.started", "run.finished"]


async def test_an_attempt_that_lost_its_run_cannot_write(talk: Talk) -> None:
    await talk.ask()
    old = await talk.take_up()
    first = Transcript(talk.ward.store, old)
    await first.emit("token", {"text": "first "})
    await first.flush()
    new = await talk.take_up()
    assert (new["id"], new["attempt"]) == (old["id"], 2)
    second = Transcript(talk.ward.store, new)
    with pytest.raises(Lost):
        await first.emit("evidence", {})
    with pytest.raises(Lost):
        await answering._finish(talk.ward.house, old, ending("old"))
    await second.emit("token", {"text": "second"})
    await second.flush()
    await answering._finish(talk.ward.house, new, ending("second"))
    with pytest.raises(Lost):
        await second.emit("evidence", {})
    for transcript in (first, second):
        await transcript.close()
    assert await talk.kinds(new["id"]) == ["message", "run.started", "token", "run.restarted", "token", "run.finished"]
    async with talk.ward.store.begin() as conn:
        assert await thread_runs.said(conn, new["id"]) == "second", "what the lost attempt said is void"


async def test_words_go_together_in_frames_and_the_first_at_once(talk: Talk) -> None:
    await talk.ask()
    run = await talk.take_up()
    transcript = Transcript(talk.ward.store, run)
    began = monotonic()
    for number in range(100):
        await transcript.emit("token", {"text": f"{number} "})
        await asyncio.sleep(0.002)
    await transcript.emit("evidence", {"id": "E1"})
    rows = [row for row in await talk.rows(run["id"]) if row["kind"] in ("token", "evidence")]
    words = [row["body"]["text"] for row in rows[:-1]]
    assert rows[-1]["kind"] == "evidence", "what was said before stands before it"
    assert "".join(words) == "".join(f"{number} " for number in range(100))
    assert 2 <= len(words) <= (monotonic() - began) / FRAME_S + 2
    assert len(words[0]) < 20
    with pytest.raises(TooLong):
        await transcript.emit("token", {"text": "x" * 100_001})
    await transcript.close()


async def test_a_run_that_breaks_off_every_time_ends_with_an_error(talk: Talk) -> None:
    run = await talk.ask()
    for _ in range(answering.ATTEMPTS_MAX):
        assert (await talk.take_up())["id"] == run
    await answer_thread(talk.ward.house, str(run))
    row = (await talk.rows(run))[-1]
    assert (row["kind"], row["body"]["reason"], (await talk.run(run))["state"]) == ("error", "gave_up", "failed")


async def test_a_fault_of_ours_ends_the_run_and_a_database_that_is_away_does_not(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Exception] = [Unavailable("away"), ValueError("a slip")]

    async def broken() -> Any:
        raise faults.pop(0)

    monkeypatch.setattr(talk.ward.house, "context", broken)
    run = await talk.ask()
    with pytest.raises(Unavailable):  # the job comes again
        await answer_thread(talk.ward.house, str(run))
    assert (await talk.run(run))["state"] == "running"
    await answer_thread(talk.ward.house, str(run))
    row = (await talk.rows(run))[-1]
    assert (row["kind"], row["body"]["reason"]) == ("error", "broke")
    assert "slip" not in str(row), "the log tells more, the thread does not"


async def test_who_was_let_go_is_not_answered(talk: Talk) -> None:
    run = await talk.ask()
    async with talk.ward.store.begin() as conn:
        await people.deactivate(conn, "first", by="test")
    await answer_thread(talk.ward.house, str(run))
    assert (await talk.rows(run))[-1]["body"]["reason"] == "asker_gone"


async def test_a_question_whose_job_is_gone_gets_another(talk: Talk) -> None:
    run = await talk.ask()
    await talk.ward.rows("DELETE FROM procrastinate_jobs RETURNING id")
    await sweep_threads(talk.ward.house)
    assert await talk.ward.rows("SELECT id FROM procrastinate_jobs") == [], "its job may be on its way"
    talk.ward.clock.advance(answering.FORGOTTEN_S + 1)
    await sweep_threads(talk.ward.house)
    await sweep_threads(talk.ward.house)
    [job] = await talk.ward.rows("SELECT task_name, args FROM procrastinate_jobs")
    assert job == {"task_name": "answer_thread", "args": {"run_id": str(run)}}


async def test_an_answer_that_asks_for_an_approval_rests_until_that_is_decided(talk: Talk) -> None:
    ward = talk.ward
    execution = await ward.ask(await ward.add_service(), person="carer")
    async with ward.store.begin() as conn:
        approval = await approvals.of_execution(conn, execution["id"])
    assert approval is not None
    run = await talk.ask()
    taken = await talk.take_up()
    await answering._finish(ward.house, taken, ending("shall I?", str(approval["id"])))
    assert (await talk.run(run))["state"] == "paused"
    await sweep_threads(ward.house)
    assert (await talk.rows(run))[-1]["kind"] == "run.paused"
    other = await talk.ask("meanwhile?")
    await answer_thread(ward.house, str(other))
    assert (await talk.run(other))["state"] == "finished", "the thread goes on meanwhile"
    async with ward.store.begin() as conn:
        await decide(
            conn, approval["id"], ward.people["second"], verdict="reject", intent_hash=approval["intent_hash"],
            reason="no",
        )  # fmt: skip
    await sweep_threads(ward.house)
    await sweep_threads(ward.house)
    assert [row["kind"] for row in await talk.rows(run)][-3:] == ["run.paused", "approval.decided", "run.finished"]
    assert (await talk.run(run))["outcome"] == "rejected"


def ending(text: str, approval_id: str = "") -> Any:
    return Ending(text, "answered", approval_id)


async def test_conversations_are_forgotten_after_a_while_but_those_about_an_incident(talk: Talk) -> None:
    ward = talk.ward
    await ward.add_service()
    [incident] = await ward.rows("SELECT id FROM incidents")
    async with ward.store.begin() as conn:
        first = ward.people["first"].id
        about = await threads.create(conn, person_id=first, door="api", incident_id=incident["id"])
        waiting = await threads.create(conn, person_id=first, door="api")
    await Talk(ward, waiting).ask()
    await answer_thread(ward.house, str(await talk.ask()))
    ward.clock.advance(TALK_KEPT_S - 60)
    fresh = Talk(ward, about)
    await fresh.ask()
    await forget_old(ward.house)
    assert len(await ward.rows("SELECT id FROM threads")) == 3
    ward.clock.advance(120)
    await forget_old(ward.house)
    left = {row["id"] for row in await ward.rows("SELECT id FROM threads")}
    assert left == {about["id"], waiting["id"]}
    assert await talk.rows() == []
