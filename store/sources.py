"""Sources with what they were set up with; their names and keys are in `people`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, maybe
from store.sql_files import Queries

SOURCES = Queries("sources")


async def by_name(conn: Connection, name: str) -> Row | None:
    """Id, kind, name and settings of a source that is not disabled."""
    return await maybe(conn, SOURCES["by_name"], [name])


async def configure(conn: Connection, source_id: UUID, settings: Mapping[str, Any]) -> None:
    """Keep the settings of a source."""
    await conn.execute(SOURCES["configure"], [Jsonb(dict(settings)), source_id])
