"""Incidents: found or opened for groups of alerts, counted, acknowledged, mitigated, resolved, reopened."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from core.errors import Contended, NotFound
from store import timeline
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

INCIDENTS = Queries("incidents")


async def open_for(conn: Connection, group_keys: Sequence[str], *, reopen_s: float, lock: bool) -> list[Row]:
    """Incidents that alerts of these groups join: open ones, and those resolved less than `reopen_s` ago."""
    return await many(
        conn, INCIDENTS["open_for_locked" if lock else "open_for"], {"keys": sorted(group_keys), "reopen_s": reopen_s}
    )


async def create(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Open incidents."""
    return await many(conn, INCIDENTS["create"], [Jsonb(list(rows))])


async def count(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Add to the counters, raise the priorities and tell it (id, new, ended, priority, names); the rows after it.

    Raises Contended where an incident that got alerts was resolved meanwhile, or is not there.
    """
    counted = await many(conn, INCIDENTS["count"], [Jsonb(rows, dumps=orjson.dumps)])
    if len(counted) < len(rows) or any(row["was_over"] for row in counted):
        raise Contended("An incident was resolved at the same moment.")
    for row in counted:
        conn.wake(timeline.channel(row["id"]))
    return counted


async def raise_many(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Make incidents more urgent (id, priority), never less; those that became it."""
    return await many(conn, INCIDENTS["raise_many"], [Jsonb(rows, dumps=orjson.dumps)]) if rows else []


async def get(conn: Connection, incident_id: UUID, *, lock: bool = False) -> Row:
    """One incident, locked if asked for; NotFound if there is none."""
    row = await maybe(conn, INCIDENTS["get_locked" if lock else "get"], [incident_id])
    if row is None:
        raise NotFound(f"There is no incident {incident_id}.")
    return row


async def by_number(conn: Connection, number: int) -> Row:
    """One incident by the short number that people use."""
    row = await maybe(conn, INCIDENTS["by_number"], [number])
    if row is None:
        raise NotFound(f"There is no incident #{number}. List them with: nightshift incidents")
    return row


async def page(
    conn: Connection,
    *,
    before: int | None,
    state: str | None,
    service: str | None,
    assignee: str | None = None,
    storm: int | None = None,
    rows: int,
) -> list[Row]:
    """Incidents, newest first, with numbers below `before`; `storm`: only those of the storm with this number."""
    params = {"before": before, "state": state, "service": service, "assignee": assignee, "storm": storm, "rows": rows}
    return await many(conn, INCIDENTS["page"], params)


async def unresolved(conn: Connection, *, rows: int) -> list[Row]:
    """Incidents that are not over, the most urgent first, then the newest."""
    return await many(conn, INCIDENTS["unresolved"], [rows])


async def facets(conn: Connection) -> list[Row]:
    """How many incidents there are by state, priority, service and assignee ('' for nobody)."""
    return await many(conn, INCIDENTS["facets"])


async def describe(conn: Connection, incident_id: UUID, *, title: str, signature: str, service: str) -> None:
    """Set title, signature and service once the commonest alert is known."""
    await conn.execute(INCIDENTS["describe"], [title, signature, service, incident_id])


async def raise_priority(conn: Connection, incident_id: UUID, priority: str) -> None:
    """Make an incident more urgent; never less."""
    await conn.execute(INCIDENTS["raise_priority"], [priority, incident_id])


async def set_state(conn: Connection, incident_id: UUID, state: str, *, by: str, only_from: Sequence[str]) -> bool:
    """Change the state if it still is one of `only_from`; whether it did."""
    params = {"id": incident_id, "state": state, "by": by, "from": list(only_from)}
    return await maybe(conn, INCIDENTS["set_state"], params) is not None


async def reopen(conn: Connection, incident_id: UUID) -> bool:
    """Undo a resolve, unless a new incident of the same group is open by now."""
    return await maybe(conn, INCIDENTS["reopen"], [incident_id]) is not None


async def assign(conn: Connection, incident_id: UUID, assignee: str | None) -> bool:
    """Give it to a person by name, or to nobody; False where it was so before."""
    return await maybe(conn, INCIDENTS["assign"], {"id": incident_id, "assignee": assignee}) is not None
