"""Playbooks as versioned rows; the newest version of each rules."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from core.canonical import sha256
from core.errors import NotFound
from store import audit
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

PLAYBOOKS = Queries("playbooks")
SHIPPED = "shipped"


async def put(
    conn: Connection,
    playbook_id: str,
    body: Mapping[str, Any],
    *,
    source: str,
    by: str,
    status: str = "",
) -> int | None:
    """Store a new version if it differs from the newest; its number, or None where nothing changed.

    `status`: published, draft or withdrawn. What was learned is a draft unless somebody says otherwise.
    """
    digest, status = sha256(dict(body)), status or ("draft" if source == "learned" else "published")
    last = await maybe(conn, PLAYBOOKS["newest_of"], [playbook_id])
    if last and (last["digest"], last["status"]) == (digest, status):
        return None
    version = int(last["version"]) + 1 if last else 1
    await conn.execute(PLAYBOOKS["put"], [playbook_id, version, Jsonb(dict(body)), digest, source, by, status])
    await audit.write(
        conn,
        actor=by,
        action="playbook.put",
        subject=f"playbook:{playbook_id}",
        before=str(last["version"]) if last else "",
        after=str(version),
        reason=source,
        detail={"status": status},
    )
    return version


async def bring(conn: Connection, body: Mapping[str, Any], *, source: str, by: str) -> int | None:
    """A file's text as a version, where that file is new or has changed; the number, or None where it has not.

    A shipped text never replaces what somebody wrote, nor brings back what somebody withdrew.
    """
    playbook_id = str(body["id"])
    said = await maybe(conn, PLAYBOOKS["newest_from"], [playbook_id, source])
    if said and said["digest"] == sha256(dict(body)):
        return None
    last = await maybe(conn, PLAYBOOKS["newest_of"], [playbook_id])
    if source == SHIPPED and last and last["source"] != SHIPPED:
        return None
    return await put(conn, playbook_id, body, source=source, by=by)


async def withdraw(conn: Connection, playbook_id: str, *, by: str) -> int | None:
    """Take a playbook, or a draft of one, out of use; the version that says so, or None where it is out already.

    Raises NotFound where there never was one.
    """
    last = await maybe(conn, PLAYBOOKS["newest_of"], [playbook_id])
    if last is None:
        raise NotFound(f"There is no playbook {playbook_id[:128]!r}. List them with: nightshift playbooks")
    return await put(conn, playbook_id, last["body"], source="api", by=by, status="withdrawn")


async def publish(conn: Connection, playbook_id: str, number: int, *, by: str) -> int | None:
    """Let a version rule, as a new version; None where it rules already. Raises NotFound where there is none."""
    row = await version(conn, playbook_id, number)
    if row is None:
        raise NotFound(f"There is no version {number} of {playbook_id[:128]!r}.")
    return await put(conn, playbook_id, row["body"], source=row["source"], by=by, status="published")


async def newest(conn: Connection) -> list[Row]:
    """The published version of every playbook: what may act."""
    return await many(conn, PLAYBOOKS["newest"])


async def every(conn: Connection) -> list[Row]:
    """What rules, and beside it what waits as a draft or was withdrawn last; by id."""
    rules = await newest(conn)
    known = {(row["id"], row["version"]) for row in rules}
    rest = [row for row in await many(conn, PLAYBOOKS["latest"]) if (row["id"], row["version"]) not in known]
    return sorted((*rules, *rest), key=lambda row: (row["id"], row["version"]))


async def version(conn: Connection, playbook_id: str, number: int) -> Row | None:
    """One version of a playbook."""
    return await maybe(conn, PLAYBOOKS["version"], [playbook_id, number])


async def versions(conn: Connection, playbook_id: str, *, rows_max: int = 1_000) -> list[Row]:
    """All versions of a playbook, newest first."""
    return await many(conn, PLAYBOOKS["versions"], [playbook_id, rows_max])
