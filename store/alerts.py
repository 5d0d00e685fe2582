"""Alerts in whole batches: touch repeats, read the newest episodes, insert, change, end."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from store.pool import Connection, Row, many, one
from store.sql_files import Queries

ALERTS = Queries("alerts")


async def touch(conn: Connection, repeats: Sequence[tuple[str, str, int]]) -> list[int]:
    """Count repeats (identity, content hash, copies); the positions of those that are no exact repeat of an open alert.

    Sorted by identity, and no identity twice.
    """
    identities, contents, copies = zip(*repeats, strict=True)
    params = [_json(identities), _json(contents), ",".join(map(str, copies))]
    return [ordinal - 1 for ordinal in (await one(conn, ALERTS["touch"], params))["missed"]]


async def lock_fold(conn: Connection) -> datetime:
    """Let one transaction at a time decide what opens and ends; the time when it is this one's turn."""
    moment: datetime = (await one(conn, ALERTS["lock_fold"]))["now"]
    return moment


async def newest(conn: Connection, identities: Iterable[str]) -> dict[str, Row]:
    """The newest episode of each identity."""
    return {row["identity"]: row for row in await many(conn, ALERTS["newest"], [_json(list(identities))])}


async def insert(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New episodes."""
    if rows:
        await conn.execute(ALERTS["insert"], [_json(rows)])


async def change(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[tuple[str, UUID]]]:
    """New content of open episodes, sorted by identity. Labels that are not given stay.

    The positions of those that are no open episode; identity and incident of those that may make one more urgent.
    """
    if not rows:
        return [], []
    row = await one(conn, ALERTS["change"], [_json(rows)])
    may_rise = [(identity, UUID(incident_id)) for identity, incident_id in row["may_rise"] or ()]
    return [ordinal - 1 for ordinal in row["missed"] or ()], may_rise


async def end(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, UUID]:
    """End open episodes (identity, and ends_at or None); the incident of each that was open."""
    if not rows:
        return {}
    return {row["identity"]: row["incident_id"] for row in await many(conn, ALERTS["end"], [_json(rows)])}


def _json(rows: Sequence[Any]) -> Jsonb:
    return Jsonb(rows, dumps=orjson.dumps)


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
