"""Deciding an approval, by a named person, by compare-and-set; and the tap "I checked"."""

from dataclasses import dataclass
from uuid import UUID

from core.errors import BadInput, IllegalTransition, Refused
from core.execution import Reason, State
from engine.healing import resume
from store import approvals, executions, jobs, playbooks, timeline
from store.pool import Connection, Row

VERDICTS = ("approve", "reject")


@dataclass(frozen=True)
class Person:
    """Who decides, and through which door."""

    id: UUID
    name: str
    via: str

    @property
    def actor(self) -> str:
        """How this person appears in the timeline and the audit."""
        return f"person:{self.name}"


async def decide(
    conn: Connection, approval_id: UUID, person: Person, *, verdict: str, intent_hash: str, reason: str = ""
) -> None:
    """Approve or reject exactly the action whose hash the person saw.

    The caller has checked the role. Raises IllegalTransition for a decided, expired or superseded approval and for a
    second vote, Refused for another action's hash or a forbidden approver.
    """
    if verdict not in VERDICTS:
        raise BadInput("The verdict is approve or reject.")
    row = await approvals.get(conn, approval_id, lock=True)
    await _may_decide(conn, row, person, intent_hash)
    if not await approvals.vote(conn, approval_id, person.id, verdict=verdict, reason=reason, via=person.via):
        raise IllegalTransition(f"{person.name} has decided this already.")
    body = {"approval_id": str(approval_id), "verdict": verdict, "reason": reason, "via": person.via}
    await timeline.append(conn, row["incident_id"], "approval.decided", actor=person.actor, body=body)
    if verdict == "reject":
        await approvals.settle(conn, approval_id, "rejected")
        await _move(conn, row, State.REJECTED, Reason.REJECTED_BY_PERSON, person)
        await resume(conn, row["incident_id"])
    elif await _enough(conn, row):
        if not await approvals.settle(conn, approval_id, "approved"):
            raise IllegalTransition("This approval expired a moment ago.")
        await _move(conn, row, State.APPROVED, Reason.APPROVED_BY_PERSON, person)
        execution = str(row["execution_id"])
        await jobs.defer(conn, "execute", lock=f"execute:{execution}", execution_id=execution)


async def _may_decide(conn: Connection, row: Row, person: Person, intent_hash: str) -> None:
    if row["state"] != "pending" or row["execution_state"] != State.AWAITING_APPROVAL:
        raise IllegalTransition(f"This approval is {row['state']}; nothing is left to decide.")
    if row["is_over"]:
        raise IllegalTransition("This approval has expired; ask for a new proposal.")
    if intent_hash != row["intent_hash"] or row["execution_hash"] != row["intent_hash"]:
        raise Refused("The action is not the one that you saw: show the card again and decide on that.", "other_action")
    book = await playbooks.version(conn, row["playbook_id"], row["intent"]["playbook_version"])
    destructive = bool(book and book["body"].get("destructive"))
    if destructive and row["requester"] == person.name:
        raise Refused("Who asked for a destructive action cannot approve it.", "requester_is_approver")


async def _enough(conn: Connection, row: Row) -> bool:
    votes = await approvals.votes(conn, row["id"])
    return len([vote for vote in votes if vote["verdict"] == "approve"]) >= int(row["needed"])


async def _move(conn: Connection, row: Row, after: State, reason: Reason, person: Person) -> None:
    await executions.move(conn, row["execution_id"], State.AWAITING_APPROVAL, after, reason, actor=person.actor)


async def checked(conn: Connection, execution_id: UUID, person: Person, *, happened: bool, reason: str = "") -> None:
    """A named human looked: the action happened, or it did not. Frees the resource."""
    after = State.SUCCEEDED if happened else State.FAILED
    detail = {"checked": reason}
    await executions.move(
        conn, execution_id, State.NEEDS_HUMAN, after, Reason.CHECKED_BY_PERSON, actor=person.actor, detail=detail
    )
    task = "start_verifying" if happened else "settle"
    await jobs.defer(conn, task, execution_id=str(execution_id))


async def supersede(conn: Connection, incident_id: UUID, why: Reason = Reason.INCIDENT_MOVED_ON) -> int:
    """The incident moved on: what was proposed and not begun is no longer wanted. How many that were."""
    withdrawn = 0
    for row in await executions.of_incident(conn, incident_id):
        state = State(row["state"])
        if state not in (State.AWAITING_APPROVAL, State.APPROVED):
            continue
        approval = await approvals.of_execution(conn, row["id"])
        if approval:
            await approvals.withdraw(conn, approval["id"], "superseded")
        await executions.move(conn, row["id"], state, State.SUPERSEDED, why)
        withdrawn += 1
    return withdrawn
