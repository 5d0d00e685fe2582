"""Open alerts that nobody repeats: marked, cleared when they are repeated, counted; never taken for resolved."""

from uuid import UUID

from core.staleness import STALE_FACTOR, TELL_AFTER_S
from store.pool import Connection, Row, many, one
from store.sql_files import Queries

STALENESS = Queries("staleness")


async def sweep(conn: Connection) -> list[Row]:
    """Mark what became stale, as `core.staleness` says, clear what no longer is; (`is_stale`, `alerts`) by incident."""
    return await many(conn, STALENESS["sweep"], {"factor": STALE_FACTOR})


async def tell(conn: Connection) -> list[UUID]:
    """The incidents of which people have to hear now; each alert causes that once."""
    return [row["incident_id"] for row in await many(conn, STALENESS["tell"], [TELL_AFTER_S])]


async def counts(conn: Connection, incident_id: UUID) -> dict[tuple[str, str, str, str], int]:
    """How many open alerts are stale, by name, class, severity and service."""
    rows = await many(conn, STALENESS["counts"], [incident_id])
    return {(row["name"], row["class"], row["severity"], row["service"]): row["alerts"] for row in rows}


async def elsewhere(conn: Connection, incident_id: UUID, source: str) -> int:
    """How many open alerts of other sources than this one are stale."""
    return int((await one(conn, STALENESS["elsewhere"], [incident_id, source]))["alerts"])
