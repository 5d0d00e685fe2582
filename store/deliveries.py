"""Deliveries that were taken, by the sender's own id of each; kept among the idempotency keys."""

from store.pool import Connection, maybe
from store.sql_files import Queries

DELIVERIES = Queries("deliveries")


async def is_taken(conn: Connection, source: str, delivery_id: str) -> bool:
    """Was this delivery taken before?"""
    return await maybe(conn, DELIVERIES["get"], [source, delivery_id]) is not None


async def take(conn: Connection, source: str, delivery_id: str) -> None:
    """Remember it; harmless to repeat."""
    await conn.execute(DELIVERIES["take"], [source, delivery_id])
