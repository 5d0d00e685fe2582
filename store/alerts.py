"""Alerts in whole batches: touch repeats, read the newest episodes, insert, change, end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import sql
from psycopg.types.json import Jsonb

from core.staleness import promise
from store.pool import Connection, Row, many, one
from store.sql_files import Queries

ALERTS = Queries("alerts")
COLUMNS = (
    *("id", "source", "identity", "name", "class", "severity", "environment", "cluster", "service", "resource_id"),
    *("labels", "annotations", "generator_url", "content_hash", "starts_at", "occurrences"),
)
_COPY = sql.SQL("COPY alerts (incident_id, status, received_at, last_received_at, promised_s, {}) FROM STDIN").format(
    sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)
_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


async def touch(conn: Connection, repeats: Sequence[tuple[str, str, int]]) -> list[int]:
    """Count repeats (identity, content hash, copies); the positions of those that are no exact repeat of an open alert.

    Sorted by identity, and no identity twice.
    """
    identities, contents, copies = zip(*repeats, strict=True)
    params = [_json(identities), _json(contents), ",".join(map(str, copies))]
    return [ordinal - 1 for ordinal in (await one(conn, ALERTS["touch"], params))["missed"]]


async def lock_fold(conn: Connection) -> None:
    """Wait for the turn to decide what opens and moves incidents, alone."""
    await conn.execute(ALERTS["lock_fold"])


async def begin_fold(conn: Connection, identities: Sequence[str], *, alone: bool) -> tuple[datetime, dict[str, Row]]:
    """Wait for the turn to decide what opens and ends, alone or beside others.

    The time when it came, and the newest episode of each identity that is known.
    """
    rows = await many(conn, ALERTS["begin_fold"], [_json(identities), alone])
    return rows[0]["moment"], {row["identity"]: row for row in rows if row["identity"] is not None}


async def insert(conn: Connection, rows: Sequence[tuple[UUID, Sequence[str]]], moment: datetime) -> None:
    """New episodes, sorted by identity: the incident of each, and its fields in the order of COLUMNS.

    `ends_at` is when the sender promised to have repeated it, empty where it did not. It goes by COPY, which costs the
    server half of what any other way does.
    """
    promised = {ends_at: _promised(ends_at, moment) for ends_at in {fields[-1] for _, fields in rows}}
    now = moment.isoformat()
    lines = []
    for incident_id, (*texts, ends_at) in rows:
        line = "\t".join(texts)
        if "\\" in line or "\n" in line or "\r" in line or line.count("\t") >= len(texts):
            line = "\t".join([text.translate(_ESCAPES) for text in texts])
        lines.append(f"{incident_id.hex}\tfiring\t{now}\t{now}\t{promised[ends_at]}\t{line}\n")
    async with conn.cursor().copy(_COPY) as copy:
        await copy.write("".join(lines))


def _promised(ends_at: str, moment: datetime) -> str:
    promised_s = promise(datetime.fromisoformat(ends_at), moment) if ends_at else None
    return _NULL if promised_s is None else str(promised_s)


async def change(
    conn: Connection, rows: Sequence[Mapping[str, Any]], *, raising: bool
) -> tuple[list[int], list[tuple[str, UUID]]]:
    """New content of open episodes, sorted by identity. Labels that are not given stay.

    The positions of those that are no open episode; identity and incident of those that are more urgent than their
    incident. Unless `raising`, these are not changed either, and stand among the positions.
    """
    row = await one(conn, ALERTS["change"], [_json(rows), raising])
    rising = [(identity, UUID(incident_id)) for identity, incident_id in row["rising"] or ()]
    return [ordinal - 1 for ordinal in row["missed"] or ()], rising


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


async def summaries(conn: Connection, incident_id: UUID) -> dict[tuple[str, str], str]:
    """What the newest firing alert of each name and service says of itself, cut to a line; empty ones are left out."""
    rows = await many(conn, ALERTS["summaries"], [incident_id])
    return {(row["name"], row["service"]): row["text"] for row in rows if row["text"]}


async def summary(conn: Connection, incident_id: UUID) -> list[Row]:
    """Counts by name, class, severity and service."""
    return await many(conn, ALERTS["summary"], [incident_id])


async def resources(conn: Connection, incident_id: UUID) -> list[Row]:
    """The distinct environments, services and resources of an incident's alerts."""
    return await many(conn, ALERTS["resources"], [incident_id])


async def counts(conn: Connection) -> Row:
    """How many alerts fire, and when the last one came."""
    return await one(conn, ALERTS["counts"])
