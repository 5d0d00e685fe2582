"""Second factors: the sealed secret of an authenticator app, its codes used once each, and recovery codes by digest."""

from collections.abc import Sequence
from uuid import UUID

from core.errors import IllegalTransition
from store import audit
from store.people import digest
from store.pool import Connection, Row, maybe, one
from store.sql_files import Queries

SECOND_FACTORS = Queries("second_factors")
CONFIRM_S_MAX = 900.0


async def begin(conn: Connection, person_id: UUID, sealed: bytes) -> None:
    """Keep a secret that is to be confirmed. Raises IllegalTransition where there is a confirmed one."""
    if await maybe(conn, SECOND_FACTORS["begin"], [person_id, sealed]) is None:
        raise IllegalTransition("There is a second factor already: remove it first.", "has_second_factor")


async def get(conn: Connection, person_id: UUID) -> Row | None:
    """`sealed`, `last_step`, `confirmed_at`, `is_fresh` of a person's factor, locked; None without one."""
    return await maybe(conn, SECOND_FACTORS["get"], {"person_id": person_id, "fresh_s": CONFIRM_S_MAX})


async def take_step(conn: Connection, person_id: UUID, step: int) -> bool:
    """Use the code of a time step; False where it, or a later one, was used before."""
    return await maybe(conn, SECOND_FACTORS["take_step"], {"person_id": person_id, "step": step}) is not None


async def confirm(conn: Connection, person_id: UUID, name: str, codes: Sequence[str]) -> None:
    """The factor counts from now on, with these recovery codes. Raises IllegalTransition where it did already."""
    if await maybe(conn, SECOND_FACTORS["confirm"], [person_id]) is None:
        raise IllegalTransition("There is nothing to confirm.", "not_begun")
    await conn.execute(SECOND_FACTORS["forget_codes"], [person_id])
    for code in codes:
        await conn.execute(SECOND_FACTORS["add_code"], [person_id, digest(code)])
    await audit.write(conn, actor=f"person:{name}", action="second_factor.confirm", subject=f"person:{name}")


async def take_code(conn: Connection, person_id: UUID, name: str, code: str) -> bool:
    """Use a recovery code; False where there is no such one, or it was used before."""
    if await maybe(conn, SECOND_FACTORS["take_code"], [person_id, digest(code)]) is None:
        return False
    left = (await one(conn, SECOND_FACTORS["codes_left"], [person_id]))["codes"]
    subject = f"person:{name}"
    await audit.write(conn, actor=subject, action="recovery_code.use", subject=subject, detail={"left": left})
    return True


async def remove(conn: Connection, person_id: UUID, name: str, *, by: str) -> None:
    """Take the factor and its recovery codes away. Doing it twice changes nothing."""
    await conn.execute(SECOND_FACTORS["forget_codes"], [person_id])
    row = await maybe(conn, SECOND_FACTORS["remove"], [person_id])
    if row is not None and row["confirmed_at"] is not None:
        await audit.write(conn, actor=by, action="second_factor.remove", subject=f"person:{name}")
