"""Bodies that could not be used, kept readable."""

from uuid import UUID

from core.errors import NotFound
from core.plain_text import cut, storable
from store.ids import new_id
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

QUARANTINE = Queries("quarantine")
BODY_BYTES_MAX = 64 * 1024
DETAIL_CHARS_MAX = 500
TOTAL_BYTES_MAX = 256 * 1024 * 1024
FORGOTTEN_ROWS_MAX = 50_000


async def keep(conn: Connection, *, source: str, reason: str, detail: str, body: bytes) -> None:
    """Keep the first 64 KiB of a body, with why it could not be used."""
    shown = cut(storable(detail), DETAIL_CHARS_MAX)
    await conn.execute(QUARANTINE["keep"], [new_id(), source, reason, shown, body[:BODY_BYTES_MAX]])


async def recent(conn: Connection, *, rows: int = 100) -> list[Row]:
    """The newest ones."""
    return await many(conn, QUARANTINE["recent"], [rows])


async def page(
    conn: Connection, *, source: str | None, reason: str | None, before: UUID | None, rows: int
) -> list[Row]:
    """Newest first, without the bodies, of one source or for one reason where asked for."""
    params = {"source": source, "reason": reason, "before": before, "rows": rows}
    return await many(conn, QUARANTINE["page"], params)


async def facets(conn: Connection) -> list[Row]:
    """How many there are by source and reason."""
    return await many(conn, QUARANTINE["facets"])


async def get(conn: Connection, body_id: UUID) -> Row:
    """One with its body. Raises NotFound."""
    row = await maybe(conn, QUARANTINE["get"], [body_id])
    if row is None:
        raise NotFound(f"There is no body {body_id} in quarantine (any more). List them with: nightshift quarantine")
    return row


async def forget(conn: Connection, *, older_than_s: float, bytes_max: int = TOTAL_BYTES_MAX) -> None:
    """Forget what is old, and the oldest where all bodies together are too large."""
    await conn.execute(QUARANTINE["forget_old"], {"older_than_s": older_than_s, "rows": FORGOTTEN_ROWS_MAX})
    await conn.execute(QUARANTINE["forget_beyond"], {"bytes_max": bytes_max})
