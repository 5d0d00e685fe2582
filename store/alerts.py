"""Alerts in whole batches: touch repeats, read the newest episodes, insert, change, end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, many, one
from store.sql_files import Queries

ALERTS = Queries("alerts")


async def touch(conn: Connection, repeats: Mapping[str, tuple[str, int]]) -> set[str]:
    """Count repeats (identity -> content hash and copies) of open alerts; the identities that were exact repeats."""
    batch = Jsonb([{"identity": key, "content_hash": text, "copies": n} for key, (text, n) in repeats.items()])
    return {row["identity"] for row in await many(conn, ALERTS["touch"], [batch])}


async def lock_fold(conn: Connection) -> None:
    """Let one transaction at a time decide about new, changed and ended alerts."""
    await conn.execute(ALERTS["lock_fold"])


async def newest(conn: Connection, identities: Iterable[str]) -> dict[str, Row]:
    """The newest episode of each identity, open ones locked in the order of their key."""
    wanted = sorted(identities)
    await conn.execute(ALERTS["lock_open"], [wanted])
    return {row["identity"]: row for row in await many(conn, ALERTS["newest"], [wanted])}


async def insert(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New episodes."""
    if rows:
        await conn.execute(ALERTS["insert"], [Jsonb(list(rows))])


async def change(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New content of open episodes."""
    if rows:
        await conn.execute(ALERTS["change"], [Jsonb(list(rows))])


async def end(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """End open episodes (identity, and ends_at as ISO text or None); the incident of each that was open."""
    return await many(conn, ALERTS["end"], [Jsonb(list(rows))]) if rows else []


async def open_of_source(conn: Connection, source: str) -> list[Row]:
    """The open alerts of one source: identity, labels, start."""
    return await many(conn, ALERTS["open_of_source"], [source])


async def firing_elsewhere(conn: Connection, incident_id: UUID, source: str) -> int:
    """How many open alerts of an incident come from other sources than this one."""
    return int((await one(conn, ALERTS["firing_elsewhere"], [incident_id, source]))["firing"])


async def of_incident(conn: Connection, incident_id: UUID, *, rows_max: int = 200) -> list[Row]:
    """The alerts of an incident, firing ones first."""
    return await many(conn, ALERTS["of_incident"], [incident_id, rows_max])


async def summary(conn: Connection, incident_id: UUID) -> list[Row]:
    """Counts by name, class, severity and service."""
    return await many(conn, ALERTS["summary"], [incident_id])


async def resources(conn: Connection, incident_id: UUID) -> list[Row]:
    """The distinct environments, services and resources of an incident's alerts."""
    return await many(conn, ALERTS["resources"], [incident_id])


async def counts(conn: Connection) -> Row:
    """How many alerts fire, and when the last one came."""
    return await one(conn, ALERTS["counts"])
