"""Playbooks as versioned rows; the newest version of each rules."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from core.canonical import sha256
from store import audit
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

PLAYBOOKS = Queries("playbooks")


async def put(conn: Connection, playbook_id: str, body: Mapping[str, Any], *, source: str, by: str) -> int | None:
    """Store a new version if it differs from the newest; its number, or None where nothing changed."""
    digest = sha256(dict(body))
    last = await maybe(conn, PLAYBOOKS["newest_of"], [playbook_id])
    if last and last["digest"] == digest:
        return None
    version = int(last["version"]) + 1 if last else 1
    await conn.execute(PLAYBOOKS["put"], [playbook_id, version, Jsonb(dict(body)), digest, source, by])
    await audit.write(
        conn, actor=by, action="playbook.put", subject=f"playbook:{playbook_id}", after=str(version), reason=source
    )
    return version


async def newest(conn: Connection) -> list[Row]:
    """The newest version of every playbook."""
    return await many(conn, PLAYBOOKS["newest"])


async def version(conn: Connection, playbook_id: str, number: int) -> Row | None:
    """One version of a playbook."""
    return await maybe(conn, PLAYBOOKS["version"], [playbook_id, number])
