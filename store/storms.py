"""Storms: incidents that opened together, told as one."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.errors import NotFound
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

STORMS = Queries("storms")
SINGLES_MAX = 1_000


class Grown(NamedTuple):
    """A storm as it is from now on, and the incidents that join it."""

    id: UUID
    size: int
    began_at: datetime
    last_at: datetime
    incident_ids: Sequence[UUID]


async def lock(conn: Connection) -> None:
    """Let one unit of work at a time decide about storms."""
    await conn.execute(STORMS["lock"])


async def newest(conn: Connection) -> Row | None:
    """The newest storm, over or not."""
    return await maybe(conn, STORMS["newest"])


async def singles(conn: Connection, window_s: float, besides: Sequence[UUID]) -> list[Row]:
    """Incidents outside of any storm that opened within the window, oldest first."""
    params = {"window": window_s, "besides": list(besides), "rows": SINGLES_MAX}
    return await many(conn, STORMS["singles"], params)


async def grow(conn: Connection, storm: Grown) -> int:
    """Begin a storm or let it grow; its number."""
    row = await maybe(conn, STORMS["put"], [storm.id, storm.size, storm.began_at, storm.last_at])
    await conn.execute(STORMS["join"], [storm.id, list(storm.incident_ids)])
    return int(row["number"]) if row else 0


async def get(conn: Connection, storm_id: UUID) -> Row:
    """One storm; NotFound if there is none."""
    row = await maybe(conn, STORMS["get"], [storm_id])
    if row is None:
        raise NotFound(f"There is no storm {storm_id}.")
    return row


async def set_told(conn: Connection, storm_id: UUID, told: int) -> None:
    """So many pieces of news about the whole of it were told; never fewer than before."""
    await conn.execute(STORMS["set_told"], [told, storm_id])


async def end(conn: Connection, storm_id: UUID, window_s: float) -> bool:
    """End it if nothing joined for a whole window; whether it is over."""
    return await maybe(conn, STORMS["end"], [storm_id, window_s]) is not None


async def members(conn: Connection, storm_id: UUID, *, rows_max: int) -> list[Row]:
    """Its incidents, the worst first: what is not over, then by priority, then by firing alerts."""
    return await many(conn, STORMS["members"], [storm_id, rows_max])


async def page(conn: Connection, *, before: int | None, rows: int) -> list[Row]:
    """Storms, newest first, with numbers below `before`."""
    return await many(conn, STORMS["page"], {"before": before, "rows": rows})
