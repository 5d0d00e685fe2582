"""Approvals: bound to a hash, single use, expiring; by votes of named persons, a standing yes, or broken glass."""

from collections.abc import Sequence
from uuid import UUID

from core.errors import NotFound
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

APPROVALS = Queries("approvals")


async def ask(
    conn: Connection, execution_id: UUID, intent_hash: str, *, needed: int, role: str, expires_s: float
) -> Row:
    """Open an approval for an execution; the one that exists, if asked again."""
    params = {
        "id": new_id(),
        "execution": execution_id,
        "hash": intent_hash,
        "needed": needed,
        "role": role,
        "expires_s": expires_s,
    }
    row = await maybe(conn, APPROVALS["ask"], params)
    return row or await one(conn, APPROVALS["of_execution"], [execution_id])


async def stand(conn: Connection, approval_id: UUID, *, by: str, reason: str) -> bool:
    """Pending -> approved by the standing approval that person `by` gave before. Whether it happened."""
    return await maybe(conn, APPROVALS["stand"], {"id": approval_id, "by": by, "reason": reason}) is not None


async def break_glass(conn: Connection, approval_id: UUID, *, by: str, reason: str) -> bool:
    """Pending -> approved by one person for all; False where it is decided or its time is over."""
    return await maybe(conn, APPROVALS["break_glass"], {"id": approval_id, "by": by, "reason": reason}) is not None


async def replace(conn: Connection, approval_id: UUID, new: UUID | None, reason: str) -> None:
    """Say why an approval was withdrawn, and which one took its place."""
    await conn.execute(APPROVALS["replace"], {"id": approval_id, "new": new, "reason": reason})


async def void_all(conn: Connection, reason: str) -> list[UUID]:
    """Expire everything that is not used yet; the executions that it was for."""
    return [row["execution_id"] for row in await many(conn, APPROVALS["void_all"], [reason])]


async def get(conn: Connection, approval_id: UUID, *, lock: bool = False) -> Row:
    """One approval with its execution's facts and whether it is over; NotFound if there is none."""
    row = await maybe(conn, APPROVALS["get_locked" if lock else "get"], [approval_id])
    if row is None:
        raise NotFound(f"There is no approval {approval_id}. List them with: nightshift approvals")
    return row


async def of_execution(conn: Connection, execution_id: UUID) -> Row | None:
    """The approval of an execution."""
    return await maybe(conn, APPROVALS["of_execution"], [execution_id])


async def vote(conn: Connection, approval_id: UUID, person_id: UUID, *, verdict: str, reason: str, via: str) -> bool:
    """Record a person's vote, once; False where that person voted already, or is disabled by now."""
    return await maybe(conn, APPROVALS["vote"], [approval_id, verdict, reason, via, person_id]) is not None


async def votes(conn: Connection, approval_id: UUID) -> list[Row]:
    """The votes, oldest first."""
    return await many(conn, APPROVALS["votes"], [approval_id])


async def settle(conn: Connection, approval_id: UUID, state: str) -> bool:
    """Pending -> approved, rejected, expired or superseded; approving needs it unexpired. Whether it happened."""
    return await maybe(conn, APPROVALS["settle"], {"id": approval_id, "state": state}) is not None


async def consume(conn: Connection, execution_id: UUID, intent_hash: str) -> bool:
    """Use the approval up: approved, unexpired, same hash, never used before. Whether it was good."""
    return await maybe(conn, APPROVALS["consume"], [execution_id, intent_hash]) is not None


async def announce(conn: Connection, incident_id: UUID) -> list[Row]:
    """Pending approvals of an incident that nobody was told of yet; marked as told."""
    return await many(conn, APPROVALS["announce"], [incident_id])


async def expired(conn: Connection, besides: Sequence[UUID] = ()) -> Row | None:
    """A pending one whose time is over, or an approved one that nobody used in time, and none of some; locked."""
    return await maybe(conn, APPROVALS["expired"], [list(besides)])


async def page(conn: Connection, states: Sequence[str], *, rows: int = 100) -> list[Row]:
    """Approvals in some states, newest first."""
    return await many(conn, APPROVALS["page"], [list(states), rows])


async def withdraw(conn: Connection, approval_id: UUID, state: str) -> None:
    """Take a pending or approved, unused approval back, as superseded or expired."""
    await conn.execute(APPROVALS["withdraw"], [state, approval_id])
