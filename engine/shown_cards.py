"""Deciding on a card that a thread showed, by the person whose key it is; what a client claims counts nothing."""

from dataclasses import dataclass
from uuid import UUID

from core.errors import Refused
from core.role import Role
from core.written_decision import HASH_CHARS, ID_CHARS, decision_key
from engine import approving, preflight
from engine.approving import Person
from store import approvals, incidents, threads
from store.pool import Connection, Row


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it: the approval now, how many more must agree, and the incident's newest timeline row then."""

    approval: Row
    missing: int
    after: int


async def decide_shown(
    conn: Connection,
    thread_id: UUID,
    person: Person,
    role: Role,
    *,
    approval: str,
    verdict: str,
    intent_hash: str = "",
    reason: str = "",
) -> Decided:
    """Approve or reject what this thread showed, bound to the hash that it showed.

    `approval` and `intent_hash` are beginnings; a door whose client cannot leave the hash out is bound by the row that
    the client's id names. Raises Refused (`not_shown_here`, `other_action`, `role_missing`, and what `approving` says).
    """
    shown = await _shown(conn, thread_id, approval, intent_hash)
    key, seen = str(shown["approval_id"]), str(shown["intent_hash"])
    row = await approvals.get(conn, UUID(key))
    needed = Role(row["role"])
    if not role.covers(needed):
        raise Refused(f"This approval needs the role {needed}; this key has the role {role}.", "role_missing")
    after = (await incidents.get(conn, row["incident_id"]))["timeline_seq"]
    await approving.decide(conn, UUID(key), person, verdict=verdict, intent_hash=seen, reason=reason)
    text = f"{verdict} {decision_key(key, seen)} {reason}".rstrip()
    said = {"role": "person", "text": text, "person": person.name, "via": person.via}
    await threads.append(conn, thread_id, "message", said)
    row = await approvals.get(conn, UUID(key))
    missing = row["needed"] - await preflight.behind(conn, row) if row["state"] == "pending" else 0
    return Decided(row, max(missing, 0), after)


async def _shown(conn: Connection, thread_id: UUID, approval: str, intent_hash: str) -> Row:
    """The body of the card's row; the hash is checked where one came."""
    cards = [row["body"] for row in await threads.cards(conn, thread_id)]
    named = [body for body in cards if str(body["approval_id"]).startswith(approval)]
    if len(approval) < ID_CHARS or len({str(body["approval_id"]) for body in named}) != 1:
        raise Refused("This conversation showed no card of that id; decide where its card is shown.", "not_shown_here")
    body: Row = named[0]
    if intent_hash and not (len(intent_hash) >= HASH_CHARS and str(body["intent_hash"]).startswith(intent_hash)):
        raise Refused("The hash is not the one that the card shows: read the card again.", "other_action")
    return body
