"""Answers in chats: what is said of a run is written to the platform while it grows, and stands there at the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from core.catalogue import Language, language_of, say
from core.chat_key import ChatKey
from core.errors import NightshiftError, Unavailable
from core.message import Message, Tone
from core.phrases_outcome import PHRASES
from core.plain_text import cut, visible
from core.site import CHAT_KINDS, Channel
from engine import chatting
from engine.house import House
from store import conversations, jobs, thread_runs, threads
from store.conversations import Posted
from store.pool import Connection, Row
from tools.notify.voice import Place, Stream, Wait

log = structlog.get_logger(__name__)

ANSWER_S_MAX = 900.0
FINISH_TRIES_MAX = 30
FINISH_AGAIN_S = 2.0
WAIT_S_MAX = 120.0
ASKED_CHARS_MAX = 300
FIRST_LINES_CHARS_MAX = 3_000
"""Longer answers go along as a file, of which this much is shown."""


@dataclass(frozen=True)
class Answer:
    """What is shown of a run so far. `end` is empty while it goes on."""

    text: str = ""
    end: str = ""
    reason: str = ""


async def stream_soon(conn: Connection, thread: Row, run_id: UUID) -> None:
    """Have the answer to a question from a chat written there, beside the job that finds it."""
    if thread["door"] in CHAT_KINDS:
        await jobs.defer(conn, "stream_answer", lock=f"stream:{run_id}", run_id=str(run_id))


async def stream_answer(house: House, run_id: str) -> None:
    """Follow a run and show it where it was asked; a run whose answer stands there already is left alone."""
    async with house.store.begin() as conn:
        run = await thread_runs.get(conn, UUID(run_id))
        thread = await threads.get(conn, run["thread_id"])
    key = ChatKey.read(thread["outside_key"])
    channel = (await house.site()).channel(key.channel)
    if channel is None or not channel.is_chat:
        return
    async with house.store.begin() as conn:
        if await conversations.post_of(conn, channel.id, f"answer:{run_id}"):
            return
        place = await _place(conn, key)
    voice = await house.voices.of(channel)
    stream = voice.stream(place, asked_by=run["asked_by"])
    answer = Answer()
    try:
        async with asyncio.timeout(ANSWER_S_MAX), aclosing(_growing(house, run)) as growing:
            async for answer in growing:
                if answer.end:
                    break
                await stream.write(answer.text)
    except TimeoutError:
        answer = Answer(answer.text, "late")
    message = final_message(answer, language_of(run["language"] or channel.language))
    if channel.kind == "slack" and key.chat == channel.chat and not key.thread:
        # What is typed behind a command is seen by nobody else, and an answer without its question says little.
        asked = f"{run['person']}: {cut(visible(run['text']), ASKED_CHARS_MAX)}"
        message = replace(message, rows=[("", asked), *message.rows])
    await _finish(house, channel, run, place, stream, message)


async def _place(conn: Connection, key: ChatKey) -> Place:
    """The thread of an incident is known by its topic or by its first message."""
    if not key.thread:
        return Place(key.chat)
    known = await conversations.by_thread(conn, key.channel, key.chat, key.thread)
    return Place(key.chat, known["thread"], known["root"]) if known else Place(key.chat, key.thread)


async def _growing(house: House, run: Row) -> AsyncGenerator[Answer, None]:
    """The answer as its rows come; what a cut attempt had said is void."""
    text = ""
    async with aclosing(chatting.follow(house.store, run["thread_id"], run["seq"] - 1)) as rows:
        async for row in rows:
            if row["run_id"] != run["id"]:
                continue
            body = row["body"]
            match row["kind"]:
                case "token":
                    text += str(body.get("text", ""))
                    yield Answer(text)
                case "run.restarted":
                    text = ""
                case "run.finished":
                    yield Answer(str(body.get("text") or text), str(body.get("outcome") or "answered"))
                    return
                case "run.paused":
                    yield Answer(str(body.get("text") or text), "paused")
                    return
                case "error":
                    yield Answer(text, "error", str(body.get("text") or body.get("reason") or ""))
                    return


def final_message(answer: Answer, language: Language) -> Message:
    """How an answer stands in the chat for good."""
    text = answer.text.strip()
    notes = {"late": "answer.long", "cancelled": "answer.cancelled", "error": "answer.failed", "paused": "answer.card"}
    note = say(PHRASES, notes[answer.end], language, reason=answer.reason) if answer.end in notes else ""
    if not text:
        return Message("", Tone.NEUTRAL, [("", note or say(PHRASES, "answer.failed", language, reason="-"))])
    if len(text) <= FIRST_LINES_CHARS_MAX:
        return Message("", rows=[("", text)], footer=note)
    return Message("", rows=[("", f"{text[:FIRST_LINES_CHARS_MAX]} …")], footer=note, more=text, more_name="answer.txt")


async def _finish(house: House, channel: Channel, run: Row, place: Place, stream: Stream, message: Message) -> None:
    """The end has to arrive; the platform may be slow, or ask to wait."""
    for attempt in range(1, FINISH_TRIES_MAX + 1):
        try:
            ref = await stream.finish(message)
            break
        except Wait as wait:
            seconds = min(wait.seconds, WAIT_S_MAX)
            async with house.store.begin() as conn:
                await conversations.wait(
                    conn, channel.id, place.chat, seconds=seconds, reason=wait.detail, failed=False
                )
            await asyncio.sleep(seconds)
        except Unavailable:
            await asyncio.sleep(FINISH_AGAIN_S)
        except NightshiftError as error:
            log.warning("answer.not_shown", channel=channel.id, run=str(run["id"]), error=error.detail)
            return
        if attempt == FINISH_TRIES_MAX:
            log.warning("answer.not_shown", channel=channel.id, run=str(run["id"]), error="too many tries")
            return
    async with house.store.begin() as conn:
        subject = f"answer:{run['id']}"
        post = Posted(channel.id, subject, None, place.chat, place.thread, place.root, ref, "answer")
        await conversations.posted(conn, post)
