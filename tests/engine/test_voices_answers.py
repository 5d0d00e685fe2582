"""An answer grows where it was asked: in the incident's thread of either chat, and stands there once at the end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.catalogue import Language
from core.chat_key import ChatKey
from core.role import Role
from engine.desk_question import place_of_incident, put_question
from engine.streaming_answers import FIRST_LINES_CHARS_MAX, Answer, final_message, stream_answer
from store import thread_runs, threads
from store.identities import Account
from store.pool import Row
from tests.engine.chat_ward import FORUM, ROOM, SLACK_EARLY, ChatWard, open_chat_ward
from tests.fakes.waiting import until

ASKED = {"tg": (Account("telegram", "4242", "11"), str(FORUM)), "sl": (Account("slack", "T0", SLACK_EARLY.id), ROOM)}


@pytest.fixture
async def chats(database: Any, tmp_path: Path) -> AsyncIterator[ChatWard]:
    async with open_chat_ward(database, tmp_path) as opened:
        service = await opened.ward.add_service()
        await opened.talk()
        assert service == "svc-0"
        yield opened


async def ask(chats: ChatWard, channel: str, *, in_thread: bool = True) -> Row:
    """Somebody asks in the incident's thread, or in the chat itself; the run that answers."""
    ward = chats.ward
    account, chat = ASKED[channel]
    incident = await ward.incident("svc-0")
    async with ward.store.begin() as conn:
        key = await place_of_incident(conn, channel, incident, chat) if in_thread else ChatKey(channel, chat, "")
        await put_question(
            conn, key, incident, "what changed?", account=account, person=ward.people["first"], role=Role.APPROVER,
            language=Language.EN, is_private=False,
        )  # fmt: skip
    [job] = await ward.rows(
        "DELETE FROM procrastinate_jobs WHERE task_name = 'stream_answer' RETURNING queue_name, args"
    )
    assert job["queue_name"] == "stream"
    async with ward.store.begin() as conn:
        return await thread_runs.get(conn, UUID(job["args"]["run_id"]))


async def say(chats: ChatWard, run: Row, kind: str, **body: Any) -> None:
    """What the agent says of a run."""
    async with chats.ward.store.begin() as conn:
        await threads.append(conn, run["thread_id"], kind, body, run_id=run["id"])


async def streamed(chats: ChatWard, run: Row) -> None:
    await stream_answer(chats.ward.house, str(run["id"]))


async def test_an_answer_grows_in_the_thread_of_its_incident_in_slack(chats: ChatWard) -> None:
    run = await ask(chats, "sl")
    [page] = chats.in_slack()
    writing = asyncio.create_task(streamed(chats, run))
    await say(chats, run, "token", text="Release 1.4.2 ")
    await until(lambda: "Release 1" in str(chats.slack.calls.accepted("chat.startStream")), 5, "the first words")
    await say(chats, run, "token", text="came at 10:00.")
    await say(chats, run, "run.finished", text="Release 1.4.2 came at 10:00.", outcome="answered")
    await writing
    _, answer = chats.in_slack()
    assert answer.thread == page.ts
    assert "Release 1.4.2 came at 10:00." in str(answer.blocks)
    assert chats.slack.violations == []
    await streamed(chats, run)  # the job comes again
    assert len(chats.in_slack()) == 2


async def test_what_is_asked_by_a_command_in_slack_stands_above_its_answer(chats: ChatWard) -> None:
    run = await ask(chats, "sl", in_thread=False)
    await say(chats, run, "run.finished", text="Release 1.4.2 came at 10:00.", outcome="answered")
    await streamed(chats, run)
    _, answer = chats.in_slack()
    said = str(answer.blocks)
    assert 0 < said.index("first: what changed?") < said.index("Release 1.4.2 came at 10:00.")


async def test_an_answer_grows_in_the_topic_of_its_incident_in_telegram(chats: ChatWard) -> None:
    run = await ask(chats, "tg")
    [page] = chats.telegram.hand.messages(FORUM)
    writing = asyncio.create_task(streamed(chats, run))
    await say(chats, run, "token", text="Nothing ")
    await chats.telegram.hand.sees(FORUM, "Nothing")
    await say(chats, run, "run.restarted", attempt=2)
    await say(chats, run, "token", text="Release 1.4.2 ")
    await say(chats, run, "error", reason="broke", text="Something broke.")
    await writing
    _, answer = chats.telegram.hand.messages(FORUM)
    assert answer.thread == page.thread
    assert answer.text == "Release 1.4.2\nNo answer could be given: Something broke."


def test_what_is_too_long_for_a_message_goes_along_as_a_file() -> None:
    long = final_message(Answer("x" * (FIRST_LINES_CHARS_MAX + 1), "answered"), Language.EN)
    assert (len(long.more), long.more_name) == (FIRST_LINES_CHARS_MAX + 1, "answer.txt")
    assert long.rows[0][1].endswith(" …")
    assert final_message(Answer("", "cancelled"), Language.ZH_HANT).rows == [("", "回答已取消。")]
    assert final_message(Answer("yes", "answered"), Language.EN).footer == ""
