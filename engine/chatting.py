"""Talking with people: what they say is stored and queued here, and every door follows the same numbered rows."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from enum import StrEnum
from uuid import UUID

from core.errors import Refused
from core.plain_text import storable
from engine.approving import Person
from store import jobs, tail, thread_runs, threads
from store.ids import new_id
from store.pool import Connection, Row, Store

TEXT_CHARS_MAX = 16_000
WAITING_MAX = 8
"""Questions of one thread that are not answered yet."""
WAITING_OF_PERSON_MAX = 6
"""Anywhere; fewer than hands that answer, and than a thread takes, so that nobody alone keeps others from asking."""
OPEN = ("queued", "running")

Still = Callable[[], Awaitable[bool]]


class Reason(StrEnum):
    """Why something is not asked, or how a run ended other than by an answer."""

    TEXT_EMPTY = "text_empty"
    TEXT_TOO_LONG = "text_too_long"
    TOO_MANY_WAITING = "too_many_waiting"
    TOO_MANY_OF_PERSON = "too_many_of_person"
    ASKER_GONE = "asker_gone"
    GAVE_UP = "gave_up"
    TOOK_TOO_LONG = "took_too_long"
    ANSWER_TOO_LONG = "answer_too_long"
    BROKE = "broke"


BUSY = frozenset({Reason.TOO_MANY_WAITING, Reason.TOO_MANY_OF_PERSON})
"""What is refused for now, and taken later."""


def cancel_channel(run_id: UUID | str) -> str:
    """The live channel on which whoever answers hears that nobody waits for it any more."""
    return f"run:{run_id}"


async def say(
    conn: Connection, thread: Row, person: Person, role: str, text: str, *, language: str = "en", asked_by: str = ""
) -> UUID:
    """Store what a person says and queue its answer behind those of the thread that wait; the run's id.

    The caller has checked that this person may write here. Raises Refused with a `Reason`.
    """
    said = storable(text).strip()
    if not said:
        raise Refused("The message is empty: write what you want to know.", Reason.TEXT_EMPTY)
    if len(said) > TEXT_CHARS_MAX:
        words = f"The message has {len(said)} characters; at most {TEXT_CHARS_MAX} can be asked at once."
        raise Refused(words, Reason.TEXT_TOO_LONG)
    await threads.lock(conn, thread["id"])
    in_thread, of_person = await thread_runs.waiting(conn, thread["id"], person.id)
    if in_thread >= WAITING_MAX:
        words = f"{in_thread} questions wait in this thread already; wait for an answer, or cancel."
        raise Refused(words, Reason.TOO_MANY_WAITING)
    if of_person >= WAITING_OF_PERSON_MAX:
        words = f"{of_person} of your questions are not answered yet; wait for an answer, or cancel."
        raise Refused(words, Reason.TOO_MANY_OF_PERSON)
    run_id = new_id()
    body = {"role": "person", "text": said, "person": person.name, "via": person.via}
    seq = await threads.append(conn, thread["id"], "message", body, run_id=run_id)
    await thread_runs.add(
        conn, run_id, thread_id=thread["id"], seq=seq, person_id=person.id, person=person.name, role=role,
        via=person.via, asked_by=asked_by, language=language, text=said,
    )  # fmt: skip
    await defer_answer(conn, thread["id"], run_id)
    return run_id


async def defer_answer(conn: Connection, thread_id: UUID, run_id: UUID) -> None:
    """Have a run answered; jobs of one thread never overlap."""
    await jobs.defer(conn, "answer_thread", lock=threads.channel(thread_id), run_id=str(run_id))


async def cancel(conn: Connection, thread_id: UUID, person: Person, *, everyone: bool = False) -> bool:
    """End what this person asked (`everyone`: what anybody asked) and is not answered yet; was there anything?

    It is over with the commit, whether a worker is alive or not: what an answer still writes is refused.
    """
    await threads.lock(conn, thread_id)
    found = False
    for run in await thread_runs.open_of(conn, thread_id):
        if run["person_id"] == person.id or everyone:
            text = await thread_runs.said(conn, run["id"]) if run["state"] == "running" else ""
            await thread_runs.end(conn, run["id"], "cancelled", before=OPEN, outcome="cancelled", answer=text)
            body = {"text": text, "outcome": "cancelled", "by": person.name}
            await threads.append(conn, thread_id, "run.finished", body, run_id=run["id"])
            conn.wake(cancel_channel(run["id"]))
            found = True
    return found


async def follow(store: Store, thread_id: UUID, after: int, *, still: Still | None = None) -> AsyncGenerator[Row, None]:
    """Every row of a thread after a number, each once and in order, as it comes; many readers cost one.

    `still` is asked every few seconds without news whether to go on. It ends with the house, else only by its reader.
    """
    async with aclosing(tail.batches(store, threads.source(thread_id), after)) as found:
        async for rows in found:
            for kept in rows:
                yield kept.row
            if not rows and still is not None and not await still():
                return
