"""What fires now, with the labels as matchers see them; and how often trouble of a signature came."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from core.inhibition import Firing
from store.pool import Connection, many, one
from store.sql_files import Queries

FIRING = Queries("firing")
SOURCES_MAX = 1_000
OCCURRENCES_MAX = 10_000


async def of_incident(conn: Connection, incident_id: UUID, *, rows_max: int) -> list[Firing]:
    """The firing alerts of an incident."""
    rows = await many(conn, FIRING["of_incident"], [incident_id, rows_max])
    return [Firing(row["identity"], row["labels"]) for row in rows]


async def is_critical(conn: Connection, incident_id: UUID) -> bool:
    """Does a critical alert of this incident fire?"""
    return bool((await one(conn, FIRING["is_critical"], [incident_id]))["is_critical"])


async def sources(
    conn: Connection, labels: Mapping[str, str], agreeing: Sequence[Mapping[str, str]], *, rows_max: int = SOURCES_MAX
) -> list[Firing]:
    """Firing alerts that have `labels`, and all labels of at least one set of `agreeing`."""
    wanted = [Jsonb(dict(labels_)) for labels_ in agreeing]
    rows = await many(conn, FIRING["sources"], [Jsonb(dict(labels)), wanted, rows_max])
    return [Firing(row["identity"], row["labels"]) for row in rows]


async def occurrences(conn: Connection, signature: str, until: datetime) -> list[datetime]:
    """When incidents of this signature were opened in the 30 days up to and including `until`, newest first."""
    rows = await many(conn, FIRING["of_signature"], [signature, until, until, OCCURRENCES_MAX])
    return [row["opened_at"] for row in rows]
