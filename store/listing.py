"""Pages for people, newest first by id (UUIDv7, hence by time): approvals, executions, alerts; switches, queue."""

from collections.abc import Sequence
from uuid import UUID

from store.pool import Connection, Row, many
from store.sql_files import Queries

LISTING = Queries("listing")


async def approvals(conn: Connection, states: Sequence[str] | None, *, before: UUID | None, rows: int) -> list[Row]:
    """Approvals in some states (None: all) with their card and the votes so far."""
    return await many(conn, LISTING["approvals"], {"states": states, "before": before, "rows": rows})


async def executions(
    conn: Connection, incident_id: UUID | None, state: str | None, *, before: UUID | None, rows: int
) -> list[Row]:
    """Executions, of one incident or in one state where asked for."""
    params = {"incident": incident_id, "state": state, "before": before, "rows": rows}
    return await many(conn, LISTING["executions"], params)


async def alerts(conn: Connection, incident_id: UUID, *, before: UUID | None, rows: int) -> list[Row]:
    """The alerts of an incident."""
    return await many(conn, LISTING["alerts"], {"incident": incident_id, "before": before, "rows": rows})


async def switches(conn: Connection) -> list[Row]:
    """Every switch that somebody touched."""
    return await many(conn, LISTING["switches"])


async def queue(conn: Connection) -> list[Row]:
    """Jobs by state and task, and when the oldest of them was put there."""
    return await many(conn, LISTING["queue"])
