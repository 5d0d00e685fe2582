"""Aggregates: alerts of one resource that came together, and how far an incident's alerts were looked at."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, many, one
from store.sql_files import Queries

AGGREGATES = Queries("aggregates")
FORGET_AFTER_S = 86_400.0


class Position(NamedTuple):
    """The last alert that was looked at, in the order of receipt."""

    received_at: datetime
    alert_id: UUID


async def lock_position(conn: Connection, incident_id: UUID) -> Position:
    """How far this incident's alerts were looked at; nobody else looks on until the end of this unit of work."""
    await conn.execute(AGGREGATES["begin_position"], [incident_id])
    row = await one(conn, AGGREGATES["lock_position"], [incident_id])
    return Position(row["received_at"], row["alert_id"])


async def alerts_after(conn: Connection, incident_id: UUID, position: Position, *, rows_max: int) -> list[Row]:
    """The next alerts of an incident (id, resource_id, received_at), in the order of their receipt."""
    return await many(conn, AGGREGATES["alerts_after"], [incident_id, *position, rows_max])


async def move_position(conn: Connection, incident_id: UUID, to: Position) -> None:
    """Everything up to here was looked at."""
    await conn.execute(AGGREGATES["move_position"], [*to, incident_id])


async def lock_recent(conn: Connection, resource_ids: Sequence[str]) -> dict[str, Row]:
    """What is remembered of each resource (singles, aggregate_id, count, last_at), locked in the order of their ids."""
    wanted = sorted(resource_ids)
    await conn.execute(AGGREGATES["begin_recent"], [wanted])
    return {row["resource_id"]: row for row in await many(conn, AGGREGATES["lock_recent"], [wanted])}


async def keep_recent(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember resources (resource_id, singles, aggregate_id)."""
    await conn.execute(AGGREGATES["keep_recent"], [Jsonb(list(rows))])


async def put(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Begin aggregates (id, resource_id, incident_id, count, began_at, last_at) or let them grow."""
    await conn.execute(AGGREGATES["put"], [Jsonb(list(rows))])


async def add_children(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Point alerts (alert_id, aggregate_id, incident_id) to their parent."""
    await conn.execute(AGGREGATES["add_children"], [Jsonb(list(rows))])


async def of_incident(conn: Connection, incident_id: UUID, *, rows_max: int = 200) -> list[Row]:
    """The aggregates that an incident's alerts belong to, the largest first."""
    return await many(conn, AGGREGATES["of_incident"], [incident_id, rows_max])


async def forget(conn: Connection) -> None:
    """Forget resources that were quiet for a day; their aggregates stay."""
    await conn.execute(AGGREGATES["forget"], [FORGET_AFTER_S])
