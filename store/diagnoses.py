"""Diagnoses: one an attempt, written once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, maybe
from store.sql_files import Queries

DIAGNOSES = Queries("diagnoses")


async def put(conn: Connection, incident_id: UUID, attempt: int, body: Mapping[str, Any]) -> bool:
    """Keep a diagnosis unless this attempt has one; whether it was kept."""
    return await maybe(conn, DIAGNOSES["put"], [incident_id, attempt, Jsonb(dict(body))]) is not None


async def get(conn: Connection, incident_id: UUID, attempt: int) -> dict[str, Any] | None:
    """The diagnosis of an attempt."""
    row: Row | None = await maybe(conn, DIAGNOSES["get"], [incident_id, attempt])
    return dict(row["body"]) if row else None


async def last(conn: Connection, incident_id: UUID) -> Row | None:
    """The newest diagnosis of an incident: attempt, body, created_at."""
    return await maybe(conn, DIAGNOSES["last"], [incident_id])
