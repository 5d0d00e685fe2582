"""One-time codes: whoever holds one may set a password, or link a chat account, once and soon; kept by digest."""

import secrets
from datetime import datetime
from enum import StrEnum

from store import audit
from store.people import digest
from store.pool import Connection, Row, maybe, one
from store.sql_files import Queries

ONE_TIME_CODES = Queries("one_time_codes")
# Typed by hand into a chat, so without letters that look alike. 10 of 31 are 49 bits, for ten minutes and a few tries.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LINK_CHARS = 10


class Purpose(StrEnum):
    """What a code is good for."""

    ENROL = "enrol"
    LINK = "link"


LIVES_S = {Purpose.ENROL: 86_400.0, Purpose.LINK: 600.0}


def new_code(purpose: Purpose) -> str:
    """A new code: long for a password, short enough to be typed for a link."""
    if purpose is Purpose.ENROL:
        return f"nse_{secrets.token_urlsafe(32)}"
    return "".join(secrets.choice(ALPHABET) for _ in range(LINK_CHARS))


async def add(conn: Connection, person: Row, purpose: Purpose, code: str, *, by: str) -> datetime:
    """Keep the digest of a code in place of an older one; when it is over."""
    await conn.execute(ONE_TIME_CODES["end_older"], [person["id"], purpose])
    values = {
        "digest": digest(code), "purpose": purpose, "person_id": person["id"], "by": by, "lives_s": LIVES_S[purpose],
    }  # fmt: skip
    expires_at: datetime = (await one(conn, ONE_TIME_CODES["add"], values))["expires_at"]
    await audit.write(conn, actor=by, action=f"code.{purpose}", subject=f"person:{person['name']}")
    return expires_at


async def holder(conn: Connection, purpose: Purpose, code: str) -> Row | None:
    """`id`, `name`, `role` of whoever a code is for, without using it; None where it is no good."""
    return await maybe(conn, ONE_TIME_CODES["holder"], [digest(code), purpose])


async def take(conn: Connection, purpose: Purpose, code: str) -> Row | None:
    """Use a code: `id`, `name`, `role` of whoever it is for; None where it is no good (any more)."""
    return await maybe(conn, ONE_TIME_CODES["take"], [digest(code), purpose])
