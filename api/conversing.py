"""Asking for somebody through a compatible door, and reading the answer: the same threads and rows as everywhere."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request

from api.access import KnownKeys, Principal, house_of
from api.problems import Problem
from core.catalogue import Language, language_of
from core.chore import CJK
from core.errors import Refused, Unavailable
from core.plain_text import cut, storable
from engine import chatting
from engine.approving import Person
from store import threads
from store.pool import Row

TITLE_CHARS_MAX = 80
KEY_CHARS_MAX = 200
LET_IN_S = 10.0
ANSWER_S_MAX = 570.0  # after ten minutes the OpenAI libraries ask again by themselves
BUSY = (chatting.Reason.TOO_MANY_WAITING, chatting.Reason.TOO_MANY_OF_PERSON)


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that waits for its answer: the rows of `run_id` come after number `seq`."""

    thread_id: UUID
    run_id: UUID
    seq: int


async def ask(
    request: Request, caller: Principal, *, door: str, outside_key: str, text: str, language: Language
) -> Asked:
    """Store a person's message in the thread that the client calls so. Raises Problem: 429 where too much waits."""
    async with house_of(request).store.begin() as conn:
        thread = await threads.create(
            conn, person_id=caller.id, door=door, outside_key=outside_key, title=cut(storable(text), TITLE_CHARS_MAX)
        )
        person = Person(caller.id, caller.name, via=door)
        try:
            run_id = await chatting.say(conn, thread, person, caller.role, text, language=language, asked_by=door)
        except Refused as error:
            raise Problem(429 if error.reason in BUSY else 422, error.detail, reason=error.reason) from None
        run = await threads.run(conn, run_id)
        return Asked(thread["id"], run_id, run["seq"])


async def rows_of(request: Request, caller: Principal, asked: Asked) -> AsyncIterator[Row]:
    """The rows of one run, as they come, until the reader has enough; it ends by itself after ANSWER_S_MAX, with the
    process, and where the caller may not read any more. The run goes on without a reader."""
    still = Still(request, caller)
    follow = chatting.follow(house_of(request).store, asked.thread_id, asked.seq, still=still.may_stay)
    async with aclosing(follow) as rows:
        async for row in rows:
            if row["run_id"] == asked.run_id:
                yield row


class Still:
    """May somebody who was let in a while ago stay? The tables are asked every LET_IN_S."""

    def __init__(self, request: Request, caller: Principal) -> None:
        self._request, self._caller = request, caller
        self._let_in = self._began = time.monotonic()

    async def may_stay(self) -> bool:
        """False when the process drains, the time is over, or the key was taken away."""
        now = time.monotonic()
        if getattr(self._request.app.state, "draining", False) or now - self._began > ANSWER_S_MAX:
            return False
        if now - self._let_in < LET_IN_S:
            return True
        self._let_in = now
        known: KnownKeys = self._request.app.state.keys
        try:
            return await known.still(self._caller)
        except Unavailable:
            return True


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
