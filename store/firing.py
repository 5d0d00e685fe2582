"""What fires now, with the labels as matchers see them; and how often trouble of a signature came."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from core.inhibition import Firing
from store.pool import Connection, many
from store.sql_files import Queries

FIRING = Queries("firing")
SOURCES_MAX = 1_000
OCCURRENCES_MAX = 10_000


async def of_incident(conn: Connection, incident_id: UUID, *, rows_max: int) -> list[Firing]:
    """The firing alerts of an incident."""
    rows = await many(conn, FIRING["of_incident"], [incident_id, rows_max])
    return [Firing(row["identity"], row["labels"]) for row in rows]


async def sources(
    conn: Connection, labels: Mapping[str, str], agreeing: Sequence[Mapping[str, str]], *, rows_max: int = SOURCES_MAX
) -> list[Firing]:
    """Firing alerts that have `labels`, and all labels of at least one set of `agreeing`."""
    wanted = [Jsonb(dict(one)) for one in agreeing]
    rows = await many(conn, FIRING["sources"], [Jsonb(dict(labels)), wanted, rows_max])
    return [Firing(row["identity"], row["labels"]) for row in rows]


async def occurrences(conn: Connection, signature: str) -> list[datetime]:
    """When incidents of this signature were opened in the last 30 days, newest first."""
    return [row["opened_at"] for row in await many(conn, FIRING["of_signature"], [signature, OCCURRENCES_MAX])]
