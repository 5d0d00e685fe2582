"""Threads: what people and Nightshift say to each other as numbered rows, the same for every door."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from core.errors import NotFound
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries
from store.tail import Source

THREADS = Queries("threads")
CARDS_MAX = 50
FORGOTTEN_ROWS_MAX = 100


def channel(thread_id: UUID | str) -> str:
    """The live channel of a thread."""
    return f"thread:{thread_id}"


def source(thread_id: UUID) -> Source:
    """The rows of a thread, to be followed."""
    return Source(channel(thread_id), thread_id, after, last)


async def create(
    conn: Connection,
    *,
    person_id: UUID | None,
    door: str,
    outside_key: str = "",
    incident_id: UUID | None = None,
    title: str = "",
) -> Row:
    """A new thread; the one that is there already where this door knows it by this key."""
    given = {
        "id": new_id(), "door": door, "person_id": person_id, "outside_key": outside_key, "incident_id": incident_id,
        "title": title,
    }  # fmt: skip
    made = await maybe(conn, THREADS["create"], given)
    row = made or await one(conn, THREADS["find_outside"], given)
    return await get(conn, row["id"])


async def get(conn: Connection, thread_id: UUID) -> Row:
    """One thread, with `person`, `incident_number` and `is_busy`. Raises NotFound."""
    row = await maybe(conn, THREADS["get"], [thread_id])
    if row is None:
        raise NotFound("There is no such thread; list yours with GET /api/v1/threads.")
    return row


async def page(
    conn: Connection, *, person: UUID | None, incident: UUID | None, before: UUID | None, rows: int
) -> list[Row]:
    """Threads of a person, or about an incident, newest first; None asks for all."""
    params = {"person": person, "incident": incident, "before": before, "rows": rows}
    return await many(conn, THREADS["page"], params)


async def lock(conn: Connection, thread_id: UUID) -> None:
    """Keep everybody else from writing until this unit of work ends. Raises NotFound."""
    if await maybe(conn, THREADS["lock"], [thread_id]) is None:
        raise NotFound("There is no such thread.")


async def append(
    conn: Connection, thread_id: UUID, kind: str, body: Mapping[str, Any], *, run_id: UUID | None = None
) -> int:
    """Append a row; its number. Readers are woken after the commit. Raises NotFound."""
    row = await one(conn, THREADS["append"], [thread_id, kind, Jsonb(dict(body)), run_id])
    if row["seq"] is None:
        raise NotFound("There is no such thread.")
    conn.wake(channel(thread_id))
    return int(row["seq"])


async def append_for_run(conn: Connection, run: Row, kind: str, body: Mapping[str, Any]) -> int | None:
    """Append a row of a run that the caller took up; None where it is not theirs any more."""
    row = await one(conn, THREADS["append_for_run"], [run["id"], run["attempt"], kind, Jsonb(dict(body))])
    if row["seq"] is not None:
        conn.wake(channel(run["thread_id"]))
    return None if row["seq"] is None else int(row["seq"])


async def after(conn: Connection, thread_id: UUID, seq: int, *, rows_max: int = 500) -> list[Row]:
    """The rows after number `seq`, in order."""
    return await many(conn, THREADS["after"], [thread_id, seq, rows_max])


async def last(conn: Connection, thread_id: UUID) -> int:
    """The number of the newest row."""
    row = await maybe(conn, THREADS["last"], [thread_id])
    return int(row["seq"]) if row else 0


async def forget(conn: Connection, *, older_than_s: float) -> list[UUID]:
    """Drop conversations about no incident in which nothing was said for so long; their ids."""
    rows = await many(conn, THREADS["forget"], {"older_than_s": older_than_s, "rows_max": FORGOTTEN_ROWS_MAX})
    return [row["id"] for row in rows]


async def newest_key(conn: Connection, *, person_id: UUID, door: str, stem: str) -> str | None:
    """The whole key of a person's newest thread at a door whose key begins so; None where there is none."""
    row = await maybe(conn, THREADS["newest_with_stem"], {"person_id": person_id, "door": door, "stem": stem})
    return str(row["outside_key"]) if row else None


async def cards(conn: Connection, thread_id: UUID) -> list[Row]:
    """The bodies of the newest `approval.requested` rows, newest first."""
    return await many(conn, THREADS["cards"], [thread_id, CARDS_MAX])
