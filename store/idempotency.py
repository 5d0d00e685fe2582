"""Idempotency keys: the same key and request is answered from the first answer, and runs nothing again."""

from typing import Any

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, maybe, one
from store.sql_files import Queries

IDEMPOTENCY = Queries("idempotency")
FORGOTTEN_ROWS_MAX = 100_000


async def begin(conn: Connection, principal: str, key: str, request_hash: str) -> Row | None:
    """Reserve a key inside the request's transaction; None if it is new, else the first request's row.

    A second request waits here until the first one's transaction ends.
    """
    if await maybe(conn, IDEMPOTENCY["reserve"], [principal, key, request_hash]):
        return None
    return await one(conn, IDEMPOTENCY["get"], [principal, key])


async def finish(conn: Connection, principal: str, key: str, status: int, body: Any) -> None:
    """Keep the answer."""
    await conn.execute(IDEMPOTENCY["finish"], [status, Jsonb(body), principal, key])


async def forget(conn: Connection, *, older_than_s: float) -> None:
    """Forget old keys, and the ids of deliveries that are kept among them."""
    await conn.execute(IDEMPOTENCY["forget"], {"older_than_s": older_than_s, "rows": FORGOTTEN_ROWS_MAX})
