"""Threads as the doors of other companies' clients find them again, and the cards that they showed."""

from uuid import UUID

from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

DOORS = Queries("thread_doors")
CARDS_MAX = 50


async def newest_key(conn: Connection, *, person_id: UUID, door: str, stem: str) -> str | None:
    """The whole key of the newest thread whose key begins so; None where there is none."""
    row = await maybe(conn, DOORS["newest_with_stem"], {"person_id": person_id, "door": door, "stem": stem})
    return str(row["outside_key"]) if row else None


async def cards(conn: Connection, thread_id: UUID) -> list[Row]:
    """The bodies of the newest `approval.requested` rows, newest first."""
    return await many(conn, DOORS["cards"], [thread_id, CARDS_MAX])
