"""Sessions: who is logged in, for how long at most, how long unused; only the digest of a session's token is stored."""

import secrets
from uuid import UUID

from core.errors import NotFound
from store import audit
from store.ids import new_id
from store.people import SESSIONS, digest
from store.pool import Connection, Row, many, maybe, one

LIVES_S = 7 * 86_400.0
IDLE_S = 8 * 3_600.0
BREAK_GLASS_LIVES_S = 3_600.0
SEEN_EVERY_S = 60.0
PER_PERSON_MAX = 20
LATELY_S = 30 * 86_400.0
CLIENT_CHARS_MAX = 200
FORGOTTEN_ROWS_MAX = 10_000


def new_token() -> str:
    """A new token: 256 random bits, with a prefix by which secret scanners find it."""
    return f"nss_{secrets.token_urlsafe(32)}"


async def open_for(conn: Connection, person: Row, token: str, *, second_factor: bool, address: str, client: str) -> Row:
    """Log a person in. Above PER_PERSON_MAX the oldest session ends. Gives `id`, `created_at`, `expires_at`."""
    for extra in (await live(conn, person["id"]))[PER_PERSON_MAX - 1 :]:
        await _end(conn, person["id"], extra["id"], "too_many")
    values = {
        "id": new_id(),
        "digest": digest(token),
        "person_id": person["id"],
        "second_factor": second_factor,
        "address": address,
        "client": client[:CLIENT_CHARS_MAX],
        "lives_s": BREAK_GLASS_LIVES_S if person["role"] == "break-glass" else LIVES_S,
    }
    row = await one(conn, SESSIONS["add"], values)
    detail = {"address": address, "second_factor": second_factor}
    name = person["name"]
    await audit.write(conn, actor=f"person:{name}", action="session.open", subject=f"person:{name}", detail=detail)
    return row


async def holder(conn: Connection, token: str) -> Row | None:
    """Whose open session this is: `id`, `name`, `role` of the person and `session_id`; None where it is nobody's."""
    asked = {"digest": digest(token), "idle_s": IDLE_S, "seen_every_s": SEEN_EVERY_S}
    row = await maybe(conn, SESSIONS["holder"], asked)
    if row is not None and row["is_seen_again"]:
        await conn.execute(SESSIONS["seen"], [row["session_id"]])
    return row


async def live(conn: Connection, person_id: UUID) -> list[Row]:
    """The open sessions of a person, newest first."""
    return await many(conn, SESSIONS["live"], {"person_id": person_id, "idle_s": IDLE_S})


async def end(conn: Connection, person: Row, session_id: UUID, *, by: str, why: str) -> None:
    """End one session of a person. Doing it twice changes nothing. Raises NotFound."""
    if await _end(conn, person["id"], session_id, why):
        subject = f"person:{person['name']}"
        await audit.write(conn, actor=by, action="session.end", subject=subject, reason=why)
    elif await maybe(conn, SESSIONS["exists"], [session_id, person["id"]]) is None:
        raise NotFound(f"There is no session {session_id}. List yours at /api/v1/auth/sessions.")


async def end_all(conn: Connection, person: Row, *, by: str, why: str, but: UUID | None = None) -> int:
    """End every session of a person, but one where it is named; how many that were."""
    ended = await many(conn, SESSIONS["end_all"], {"person_id": person["id"], "why": why, "but": but})
    if ended:
        subject, detail = f"person:{person['name']}", {"sessions": len(ended)}
        await audit.write(conn, actor=by, action="session.end_all", subject=subject, reason=why, detail=detail)
    return len(ended)


async def knows_address(conn: Connection, name: str, address: str) -> bool:
    """Did a person of this name log in from there lately?"""
    asked = {"name": name, "address": address, "lately_s": LATELY_S}
    return bool((await one(conn, SESSIONS["knows_address"], asked))["known"])


async def still(conn: Connection, person_id: UUID, session_id: UUID | None) -> bool:
    """Does this person work here, and is their session, where one is named, open?"""
    row = await one(conn, SESSIONS["still"], {"person_id": person_id, "session_id": session_id})
    return bool(row["still"])


async def forget(conn: Connection) -> None:
    """Forget sessions and one-time codes that were over long ago; by then no address is known by them any more."""
    for query in ("forget", "forget_codes"):
        await conn.execute(SESSIONS[query], {"older_than_s": LATELY_S, "rows": FORGOTTEN_ROWS_MAX})


async def _end(conn: Connection, person_id: UUID, session_id: UUID, why: str) -> bool:
    ended = await maybe(conn, SESSIONS["end"], {"id": session_id, "person_id": person_id, "why": why})
    return ended is not None
