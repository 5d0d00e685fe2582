"""Persons with roles, sources of alerts, and the keys of both; only digests of keys are stored."""

import hashlib
import secrets
from uuid import UUID

from core.errors import BadInput, IllegalTransition, NotFound
from store import audit
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

PEOPLE = Queries("people")
SESSIONS = Queries("sessions")
ROTAS = Queries("rotas")


def new_key() -> str:
    """A new key: 256 random bits, with a prefix by which secret scanners find it."""
    return f"ns_{secrets.token_urlsafe(32)}"


def digest(key: str) -> bytes:
    """What is stored of a key. Keys are 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).digest()


async def lock_house(conn: Connection) -> None:
    """Wait until nobody else furnishes the house: of processes that start at once, one makes the first admin."""
    await conn.execute(PEOPLE["lock_house"])


async def add_person(conn: Connection, name: str, role: str, *, by: str) -> UUID:
    """A new person; the name must be free, also of whoever was here once."""
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


async def get(conn: Connection, name: str, *, lock: bool = False) -> Row:
    """One person, deactivated or not. Raises NotFound."""
    row = await maybe(conn, PEOPLE["lock" if lock else "get"], [name])
    if row is None:
        raise NotFound(f"There is no person {name!r}. List them with: nightshift people")
    return row


async def working(conn: Connection, name: str) -> Row:
    """One person who works here, against being deactivated meanwhile. Raises BadInput."""
    row = await maybe(conn, PEOPLE["lock"], [name])
    if row is None or row["disabled_at"] is not None:
        raise BadInput(f"There is no person {name!r} who works here: check the name, or add them first.")
    return row


async def credentials(conn: Connection, person_id: UUID) -> Row:
    """By what a person can show who they are: `keys`, `password_set_at`, `second_factor_since`, `recovery_codes`."""
    return await one(conn, PEOPLE["credentials"], [person_id])


async def set_role(conn: Connection, name: str, role: str, *, by: str) -> None:
    """Let a person do more or less, at once. Raises IllegalTransition for the last admin."""
    person = await _lock_with_admins(conn, name, unless=role == "admin", what="get another role")
    if person["role"] != role:
        await conn.execute(PEOPLE["set_role"], [role, person["id"]])
        subject = f"person:{name}"
        await audit.write(conn, actor=by, action="person.role", subject=subject, before=person["role"], after=role)


async def deactivate(conn: Connection, name: str, *, by: str) -> None:
    """End every key, session, one-time code and chat link of a person now; what they did stays.

    Doing it twice changes nothing. Raises IllegalTransition for the last admin, and for the fallback of a rota.
    """
    person = await _lock_with_admins(conn, name, unless=False, what="be deactivated")
    if held := await many(conn, ROTAS["with_fallback"], [name]):
        said = f"{name} is the fallback of the rota {held[0]['name']!r}: name another fallback there first."
        raise IllegalTransition(said, "is_fallback")
    if await maybe(conn, PEOPLE["disable"], [person["id"]]) is None:
        return
    await conn.execute(PEOPLE["revoke_keys"], [person["id"]])
    await conn.execute(PEOPLE["end_codes"], [person["id"]])
    await conn.execute(PEOPLE["unlink_chats"], [by, person["id"]])
    await conn.execute(SESSIONS["end_all"], {"person_id": person["id"], "why": "deactivated", "but": None})
    await audit.write(conn, actor=by, action="person.deactivate", subject=f"person:{name}", before=person["role"])


async def activate(conn: Connection, name: str, *, by: str) -> None:
    """Let a person in again. What was ended stays ended: they need a new key, or log in. Twice changes nothing."""
    person = await get(conn, name, lock=True)
    if await maybe(conn, PEOPLE["enable"], [person["id"]]):
        await audit.write(conn, actor=by, action="person.activate", subject=f"person:{name}", after=person["role"])


async def _lock_with_admins(conn: Connection, name: str, *, unless: bool, what: str) -> Row:
    admins = [row["name"] for row in await many(conn, PEOPLE["lock_admins"])]
    person = await get(conn, name, lock=True)
    if admins == [name] and not unless:
        said = f"{name} is the last admin and cannot {what}: make somebody else admin first."
        raise IllegalTransition(said, "last_admin")
    return person
