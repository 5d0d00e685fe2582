"""The site as the operator described it: versioned rows, the newest rules. Also the switches."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from core.canonical import sha256
from store import audit, gate
from store.pool import Connection, Row, maybe, one
from store.sql_files import Queries

SITE = Queries("site")


async def newest(conn: Connection) -> Row | None:
    """The version and body that rule now; None before the first."""
    return await maybe(conn, SITE["newest"])


async def apply(conn: Connection, body: Mapping[str, Any], by: str) -> tuple[int, bool]:
    """Make this description the newest; its version, and whether anything changed."""
    digest = sha256(dict(body))
    last = await newest(conn)
    if last and last["digest"] == digest:
        return int(last["version"]), False
    row = await one(conn, SITE["apply"], [Jsonb(dict(body)), digest, by])
    before = str(last["version"]) if last else ""
    await audit.write(conn, actor=by, action="site.apply", subject="site", before=before, after=str(row["version"]))
    return int(row["version"]), True


async def switch_is_on(conn: Connection, name: str) -> bool:
    """Is this switch on? A switch that nobody touched is off."""
    row = await maybe(conn, SITE["switch"], [name])
    return bool(row and row["is_on"])


async def set_switch(conn: Connection, name: str, is_on: bool, *, by: str, reason: str) -> None:
    """Turn a switch, audited."""
    await gate.lock(conn)
    await conn.execute(SITE["set_switch"], [name, is_on, reason, by])
    await audit.write(
        conn, actor=by, action="switch.set", subject=f"switch:{name}", after="on" if is_on else "off", reason=reason
    )
