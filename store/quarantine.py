"""Bodies that could not be used, kept readable."""

from core.plain_text import cut, storable
from store.ids import new_id
from store.pool import Connection, Row, many
from store.sql_files import Queries

QUARANTINE = Queries("quarantine")
BODY_BYTES_MAX = 64 * 1024
DETAIL_CHARS_MAX = 500


async def keep(conn: Connection, *, source: str, reason: str, detail: str, body: bytes) -> None:
    """Keep the first 64 KiB of a body, with why it could not be used."""
    shown = cut(storable(detail), DETAIL_CHARS_MAX)
    await conn.execute(QUARANTINE["keep"], [new_id(), source, reason, shown, body[:BODY_BYTES_MAX]])


async def recent(conn: Connection, *, rows: int = 100) -> list[Row]:
    """The newest ones."""
    return await many(conn, QUARANTINE["recent"], [rows])
