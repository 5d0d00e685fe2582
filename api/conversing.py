"""Asking for somebody, and reading the answer: the same threads and rows at every door of the API."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request

from api.access import Principal, Role, house_of
from api.problems import Problem
from api.streaming import Still
from core.catalogue import Language, language_of
from core.chore import CJK
from core.errors import Refused
from core.plain_text import cut, storable
from engine import chatting
from engine.approving import Person
from store import thread_runs, threads
from store.pool import Connection, Row

TITLE_CHARS_MAX = 80
KEY_CHARS_MAX = 200
ANSWER_S_MAX = 570.0  # after ten minutes the OpenAI libraries ask again by themselves


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that waits for its answer: the rows of `run_id` come after number `seq`."""

    thread_id: UUID
    run_id: UUID
    seq: int


async def ask(
    request: Request, caller: Principal, *, door: str, outside_key: str, text: str, language: Language
) -> Asked:
    """Store a person's message in the thread that the client calls so. Raises Problem as `put` does."""
    async with house_of(request).store.begin() as conn:
        thread = await threads.create(
            conn, person_id=caller.id, door=door, outside_key=outside_key, title=cut(storable(text), TITLE_CHARS_MAX)
        )
        person = Person(caller.id, caller.name, via=door)
        run = await put(conn, thread, person, caller.role, text, language=language, asked_by=door)
        return Asked(thread["id"], run["id"], run["seq"])


async def put(
    conn: Connection, thread: Row, person: Person, role: Role, text: str, *, language: Language, asked_by: str = ""
) -> Row:
    """Store a message and queue its answer; the run. Raises Problem: 429 where too much waits, 422 for its text."""
    try:
        run_id = await chatting.say(conn, thread, person, role, text, language=language, asked_by=asked_by)
    except Refused as error:
        raise Problem(429 if error.reason in chatting.BUSY else 422, error.detail, reason=error.reason) from None
    return await thread_runs.get(conn, run_id)


async def rows_of(request: Request, caller: Principal, asked: Asked) -> AsyncIterator[Row]:
    """The rows of one run, as they come, until the reader has enough; it ends by itself after ANSWER_S_MAX, with the
    process, and where the caller may not read any more. The run goes on without a reader."""
    still = Still(request, caller, within_s=ANSWER_S_MAX)
    follow = chatting.follow(house_of(request).store, asked.thread_id, asked.seq, still=still.may_stay)
    async with aclosing(follow) as rows:
        async for row in rows:
            if row["run_id"] == asked.run_id:
                yield row


def language_for(request: Request, text: str) -> Language:
    """What the client says it reads; front ends on servers say nothing, then the text itself tells."""
    said = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
    return language_of(said) if said and said != "*" else Language.ZH_HANS if CJK.search(text) else Language.EN


def text_of(content: Any) -> str:
    """The words of a message: a string, or the text parts of a list. Pictures and files are not read."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") in ("text", None)]
    return "\n".join(part for part in parts if isinstance(part, str))
