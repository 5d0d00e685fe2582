"""The policy in versions; the newest rules."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from core.canonical import sha256
from store import audit
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

POLICIES = Queries("policies")


async def newest(conn: Connection) -> Row | None:
    """The version and body that rule now; None before the first."""
    return await maybe(conn, POLICIES["newest"])


async def version(conn: Connection, number: int) -> Row | None:
    """One version."""
    return await maybe(conn, POLICIES["version"], [number])


async def page(conn: Connection, *, before: int | None, rows: int) -> list[Row]:
    """The versions, newest first."""
    return await many(conn, POLICIES["page"], {"before": before, "rows": rows})


async def ruling_version(conn: Connection) -> int:
    """The number that an approval is bound to: it grows with every change of the site or of the policy."""
    return int((await one(conn, POLICIES["ruling"]))["version"])


async def apply(conn: Connection, body: Mapping[str, Any], by: str) -> tuple[Row, bool]:
    """Make this the newest policy; its row, and whether anything changed. The caller holds the gate's lock."""
    digest = sha256(dict(body))
    last = await newest(conn)
    if last and last["digest"] == digest:
        return last, False
    row = await one(conn, POLICIES["apply"], [Jsonb(dict(body)), digest, by])
    before = str(last["version"]) if last else ""
    await audit.write(conn, actor=by, action="policy.apply", subject="policy", before=before, after=str(row["version"]))
    return row, True
