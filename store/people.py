"""Persons with roles, sources of alerts, and the keys of both; only digests of keys are stored."""

import hashlib
import secrets
from uuid import UUID

from core.errors import BadInput
from store import audit
from store.ids import new_id
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

PEOPLE = Queries("people")


def new_key() -> str:
    """A new key: 256 random bits, with a prefix by which secret scanners find it."""
    return f"ns_{secrets.token_urlsafe(32)}"


def digest(key: str) -> bytes:
    """What is stored of a key. Keys are 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).digest()


async def add_person(conn: Connection, name: str, role: str, *, by: str) -> UUID:
    """A new person; the name must be free."""
    row = await maybe(conn, PEOPLE["add_person"], [new_id(), name, role])
    if row is None:
        raise BadInput(f"There is a person {name!r} already; choose another name.")
    await audit.write(conn, actor=by, action="person.add", subject=f"person:{name}", after=role)
    return UUID(str(row["id"]))


async def add_source(conn: Connection, name: str, kind: str, *, by: str) -> UUID:
    """A new sender of alerts or changes; the name must be free."""
    row = await maybe(conn, PEOPLE["add_source"], [new_id(), kind, name])
    if row is None:
        raise BadInput(f"There is a source {name!r} already; choose another name.")
    await audit.write(conn, actor=by, action="source.add", subject=f"source:{name}", after=kind)
    return UUID(str(row["id"]))


async def add_key(conn: Connection, key: str, *, person: UUID | None = None, source: UUID | None = None) -> None:
    """Store the digest of a key for a person or a source."""
    await conn.execute(PEOPLE["add_key"], [new_id(), digest(key), key[-4:], person, source])


async def holder(conn: Connection, key: str) -> Row | None:
    """Who holds this key: `kind` person or source, `source_kind`, `id`, `name`, `role`; None where nobody does."""
    return await maybe(conn, PEOPLE["holder"], [digest(key)])


async def persons(conn: Connection) -> list[Row]:
    """All persons."""
    return await many(conn, PEOPLE["persons"])


async def sources(conn: Connection) -> list[Row]:
    """All sources."""
    return await many(conn, PEOPLE["sources"])
