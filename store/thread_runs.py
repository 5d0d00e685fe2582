"""Runs of a thread: one message and its answer each, one at a time, in the order in which they were asked.

Whoever moves a run has locked its thread first (`store.threads.lock`).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from core.errors import NotFound
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

RUNS = Queries("thread_runs")


async def waiting(conn: Connection, thread_id: UUID, person_id: UUID) -> tuple[int, int]:
    """How many questions are not answered yet: in this thread, and of this person anywhere; true until the commit."""
    await conn.execute(RUNS["one_at_a_time"], [person_id])
    row = await one(conn, RUNS["waiting"], {"thread_id": thread_id, "person_id": person_id})
    return int(row["of_thread"]), int(row["of_person"])


async def add(conn: Connection, run_id: UUID, **given: Any) -> None:
    """A question that waits: thread_id, seq, person_id, person, role, via, asked_by, language, text."""
    await conn.execute(RUNS["add"], {"id": run_id, **given})


async def get(conn: Connection, run_id: UUID) -> Row:
    """One run; `state` is queued, running, paused, finished, cancelled or failed. Raises NotFound."""
    row = await maybe(conn, RUNS["get"], [run_id])
    if row is None:
        raise NotFound("There is no such run.")
    return row


async def newest(conn: Connection, thread_id: UUID, rows: int) -> list[Row]:
    """The newest runs of a thread, newest first."""
    return await many(conn, RUNS["of_thread"], [thread_id, rows])


async def open_of(conn: Connection, thread_id: UUID) -> list[Row]:
    """What waits or is being answered, in order."""
    return await many(conn, RUNS["open_of_thread"], [thread_id])


async def take_up(conn: Connection, run_id: UUID) -> Row | None:
    """Make the run the caller's, as a new attempt; None where it is over.

    With the thread's `incident_id`, and `role_now`: None where who asked does not work here any more.
    """
    return await maybe(conn, RUNS["take_up"], [run_id])


async def end(
    conn: Connection,
    run_id: UUID,
    state: str,
    *,
    before: Sequence[str],
    outcome: str,
    answer: str = "",
    attempt: int | None = None,
    approval_id: UUID | None = None,
) -> bool:
    """Bring a run to rest; False where it is in none of the states `before`, or another attempt's."""
    given = {
        "id": run_id, "state": state, "before": list(before), "outcome": outcome, "answer": answer, "attempt": attempt,
        "approval_id": approval_id,
    }  # fmt: skip
    return await maybe(conn, RUNS["end"], given) is not None


async def said(conn: Connection, run_id: UUID) -> str:
    """What the present attempt has answered so far."""
    return str((await one(conn, RUNS["said"], [run_id]))["text"])


async def history(conn: Connection, run: Row, *, runs_max: int) -> tuple[tuple[str, str], ...]:
    """Who said what before this run: role (person, assistant) and text, oldest first."""
    rows = await many(conn, RUNS["history"], [run["thread_id"], run["seq"], runs_max])
    told: list[tuple[str, str]] = []
    for row in reversed(rows):
        told.append(("person", row["text"]))
        if row["answer"]:
            told.append(("assistant", row["answer"]))
    return tuple(told)


async def forgotten(conn: Connection, *, older_than_s: float) -> list[Row]:
    """The first open run of each thread for which no job waits."""
    return await many(conn, RUNS["forgotten"], [older_than_s])


async def decided(conn: Connection) -> list[Row]:
    """Paused runs whose approval is not pending any more, with its `approval_state`."""
    return await many(conn, RUNS["decided"])
