"""The audit log: append-only rows, written in the transaction of what they tell."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, many
from store.sql_files import Queries

AUDIT = Queries("audit")


async def write(
    conn: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    before: str = "",
    after: str = "",
    reason: str = "",
    token: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """One row: who did what to which subject, from which state to which, and why."""
    await conn.execute(
        AUDIT["write"], [actor, action, subject, before, after, reason, token, Jsonb(dict(detail or {}))]
    )


async def of_subject(conn: Connection, subject: str) -> list[Row]:
    """Everything that happened to one subject, in order."""
    return await many(conn, AUDIT["of_subject"], [subject])
