"""The passwords of persons: only their hashes, which are made and compared elsewhere."""

from core.errors import IllegalTransition
from store import audit
from store.pool import Connection, Row, maybe
from store.sql_files import Queries

PASSWORDS = Queries("passwords")


async def of_name(conn: Connection, name: str) -> Row | None:
    """`id`, `name`, `role`, `hash` (None without a password) and `has_factor` of a person who works here."""
    return await maybe(conn, PASSWORDS["of_name"], [name])


async def put(conn: Connection, person: Row, hashed: str, *, by: str, why: str) -> None:
    """Keep a new password of a person."""
    await conn.execute(PASSWORDS["put"], [person["id"], hashed])
    await _audit(conn, person, by, why)


async def put_first(conn: Connection, person: Row, hashed: str, *, by: str) -> None:
    """Keep the first password of a person. Raises IllegalTransition where they got one meanwhile."""
    if await maybe(conn, PASSWORDS["put_first"], [person["id"], hashed]) is None:
        raise IllegalTransition("There is a password already: say it in `current`.", "has_password")
    await _audit(conn, person, by, "first")


async def renew(conn: Connection, person: Row, hashed: str) -> None:
    """Keep the same password under stronger parameters, unless it was changed meanwhile."""
    await conn.execute(PASSWORDS["renew"], [hashed, person["id"], person["hash"]])


async def _audit(conn: Connection, person: Row, by: str, why: str) -> None:
    await audit.write(conn, actor=by, action="password.set", subject=f"person:{person['name']}", reason=why)
