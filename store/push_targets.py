"""Push targets: where a person can be reached beyond the shared channels; only what is verified may be used."""

from uuid import UUID

from core.errors import BadInput, NotFound
from store import audit
from store.ids import new_id
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

PUSH_TARGETS = Queries("push_targets")
PER_PERSON_MAX = 20


async def add(conn: Connection, person: Row, kind: str, address: str, *, by: str) -> Row:
    """A new place, not verified yet. Raises BadInput where they have it, or too many."""
    if len(await of_person(conn, person["id"])) >= PER_PERSON_MAX:
        raise BadInput(f"{person['name']} has {PER_PERSON_MAX} push targets already; remove one first.")
    row = await maybe(conn, PUSH_TARGETS["add"], [new_id(), person["id"], kind, address])
    if row is None:
        raise BadInput(f"{person['name']} has this push target already.")
    await _audit(conn, "add", person, by, kind)
    return row


async def of_person(conn: Connection, person_id: UUID) -> list[Row]:
    """Where a person can be reached, in the order of kinds and addresses."""
    return await many(conn, PUSH_TARGETS["of_person"], [person_id])


async def verify(conn: Connection, person: Row, target_id: UUID, *, by: str) -> None:
    """It was shown that the person reads what is sent there. Raises NotFound."""
    if await maybe(conn, PUSH_TARGETS["verify"], [target_id, person["id"]]) is None:
        raise _unknown(person, target_id)
    await _audit(conn, "verify", person, by, str(target_id))


async def remove(conn: Connection, person: Row, target_id: UUID, *, by: str) -> None:
    """Send nothing there any more. Raises NotFound."""
    row = await maybe(conn, PUSH_TARGETS["remove"], [target_id, person["id"]])
    if row is None:
        raise _unknown(person, target_id)
    await _audit(conn, "remove", person, by, row["kind"])


async def _audit(conn: Connection, verb: str, person: Row, by: str, what: str) -> None:
    """What it is, never the address: the audit is read by more people than may know it."""
    subject = f"person:{person['name']}"
    await audit.write(conn, actor=by, action=f"push_target.{verb}", subject=subject, detail={"target": what})


def _unknown(person: Row, target_id: UUID) -> NotFound:
    return NotFound(f"{person['name']} has no push target {target_id}.")
