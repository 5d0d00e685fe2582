"""The keys of persons: made, listed by their last characters, ended. A key itself is shown once and kept nowhere."""

from uuid import UUID

from core.errors import BadInput, NotFound
from store import audit
from store.ids import new_id
from store.people import digest
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

KEYS = Queries("keys")
KEYS_MAX = 20


async def add(
    conn: Connection, person: Row, key: str, *, by: str, label: str = "", expires_s: float | None = None
) -> Row:
    """Keep the digest of a key of this person, whose row the caller has locked. Raises BadInput above KEYS_MAX."""
    if len(await in_use(conn, person["id"])) >= KEYS_MAX:
        raise BadInput(f"{person['name']} has {KEYS_MAX} keys already; revoke one first.")
    row = await one(
        conn,
        KEYS["add"],
        {
            "id": new_id(),
            "digest": digest(key),
            "hint": key[-4:],
            "person_id": person["id"],
            "label": label,
            "by": by,
            "expires_s": expires_s,
        },
    )
    detail = {"hint": row["hint"], "label": label, "expires_s": expires_s}
    await audit.write(conn, actor=by, action="key.add", subject=f"person:{person['name']}", detail=detail)
    return row


async def in_use(conn: Connection, person_id: UUID) -> list[Row]:
    """The keys of a person that open anything, newest first."""
    return await many(conn, KEYS["in_use"], [person_id])


async def revoke(conn: Connection, person: Row, key_id: UUID, *, by: str) -> None:
    """End a key of this person now. Doing it twice changes nothing. Raises NotFound."""
    row = await maybe(conn, KEYS["revoke"], [key_id, person["id"]])
    if row is None:
        if await maybe(conn, KEYS["exists"], [key_id, person["id"]]) is None:
            raise NotFound(f"{person['name']} has no key {key_id}. List them with: nightshift people keys NAME")
        return
    detail = {"hint": row["hint"]}
    await audit.write(conn, actor=by, action="key.revoke", subject=f"person:{person['name']}", detail=detail)
