"""The timeline of an incident: numbered rows without gaps, appended in the transaction of what they tell."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries
from store.tail import Source

TIMELINE = Queries("timeline")
FOLLOWED = frozenset(
    {"recall", "diagnosis", "degraded", "approval.requested", "approval.decided", "execution.changed", "verdict",
     "learned", "fix.asked", "fix.told"}
)  # fmt: skip
"""What changes the messages in an incident's threads, beside its own life (`incident.…`)."""
UNSEEN = frozenset({"incident.opened", "incident.called"})


def channel(incident_id: UUID | str) -> str:
    """The live channel of an incident."""
    return f"incident:{incident_id}"


def source(incident_id: UUID) -> Source:
    """The timeline of an incident, to be followed."""
    return Source(channel(incident_id), incident_id, after, last)


async def append(
    conn: Connection,
    incident_id: UUID,
    kind: str,
    *,
    actor: str = "nightshift",
    reason: str = "",
    body: Mapping[str, Any] | None = None,
) -> int:
    """Append a row; its number. Readers are woken after the commit."""
    row = await one(conn, TIMELINE["append"], [incident_id, kind, actor, reason, Jsonb(dict(body or {}))])
    if kind in FOLLOWED or (kind.startswith("incident.") and kind not in UNSEEN):
        await conn.execute(TIMELINE["follow"], {"id": incident_id})
    conn.wake(channel(incident_id))
    return int(row["seq"])


async def follow_cards(conn: Connection) -> None:
    """Have the threads looked at in which a card waits for people."""
    await conn.execute(TIMELINE["follow_cards"])


async def append_many(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append a row (incident_id, kind, reason, body) to many incidents, one to each."""
    if rows:
        for row in await many(conn, TIMELINE["append_many"], [Jsonb(list(rows))]):
            conn.wake(channel(row["incident_id"]))


async def after(conn: Connection, incident_id: UUID, seq: int, *, rows_max: int = 500) -> list[Row]:
    """The rows after number `seq`, in order."""
    return await many(conn, TIMELINE["after"], [incident_id, seq, rows_max])


async def last(conn: Connection, incident_id: UUID) -> int:
    """The number of the newest row."""
    row = await maybe(conn, TIMELINE["last"], [incident_id])
    return int(row["seq"]) if row else 0


async def is_way_back_told(conn: Connection, incident_id: UUID, execution_id: str) -> bool:
    """Was it said how this execution is undone?"""
    return bool((await one(conn, TIMELINE["is_way_back_told"], [incident_id, execution_id]))["told"])


async def is_reported(conn: Connection, incident_id: UUID, attempt: int) -> bool:
    """Did the thread write the end of this attempt?"""
    return bool((await one(conn, TIMELINE["is_reported"], [incident_id, attempt]))["reported"])


async def last_words(conn: Connection, incident_id: UUID, execution_id: UUID) -> dict[str, Row]:
    """The newest rows of the timeline about an execution: `execution.changed`, `verdict` and `learned`."""
    rows = await many(conn, TIMELINE["last_words"], [incident_id, str(execution_id)])
    return {row["kind"]: row for row in rows}


async def newest(conn: Connection, incident_id: UUID, kind: str) -> Row | None:
    """The newest row of a kind."""
    return await maybe(conn, TIMELINE["newest"], [incident_id, kind])


async def recalled(conn: Connection, incident_id: UUID, attempt: int) -> Row:
    """What was remembered when an attempt began: `similar` and `helped`; empty where nothing was."""
    row = await maybe(conn, TIMELINE["recalled"], [incident_id, str(attempt)])
    return dict(row["body"]) if row else {}


async def is_asked(conn: Connection, incident_id: UUID) -> bool:
    """Was it asked what fixed this incident?"""
    return bool((await one(conn, TIMELINE["is_asked"], [incident_id]))["is_asked"])
