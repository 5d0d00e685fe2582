"""Deciding an approval, by a named person, by compare-and-set; and the tap "I checked"."""

from dataclasses import dataclass
from uuid import UUID

from core.errors import BadInput, IllegalTransition, Refused
from core.execution import Reason, State
from core.intent import Intent
from engine.healing import resume
from engine.preflight import agreed
from store import approvals, executions, jobs, playbooks, timeline
from store.pool import Connection, Row

VERDICTS = ("approve", "reject")
TIER_OF_REQUESTER_MAX = 2
"""The lone person on call may approve what they asked for up to this tier: restarts and capacity."""


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
    check_open(row, intent_hash)
    if verdict == "approve":
        await check_requester(conn, row, person)
    if not await approvals.vote(conn, approval_id, person.id, verdict=verdict, reason=reason, via=person.via):
        raise IllegalTransition(f"{person.name} has decided this already.", "voted_already")
    body = {"approval_id": str(approval_id), "verdict": verdict, "reason": reason, "via": person.via}
    await timeline.append(conn, row["incident_id"], "approval.decided", actor=person.actor, body=body)
    if verdict == "reject":
        await approvals.settle(conn, approval_id, "rejected")
        await _move(conn, row, State.REJECTED, Reason.REJECTED_BY_PERSON, person)
        await resume(conn, row["incident_id"])
    elif await agreed(conn, row):
        if not await approvals.settle(conn, approval_id, "approved"):
            raise IllegalTransition("This approval expired a moment ago.", "expired")
        await approve(conn, row, person, Reason.APPROVED_BY_PERSON)


async def approve(conn: Connection, row: Row, person: Person, reason: Reason) -> None:
    """The approval is good: its execution may be claimed from the commit on."""
    await _move(conn, row, State.APPROVED, reason, person)
    execution = str(row["execution_id"])
    await jobs.defer(conn, "execute", lock=f"execute:{execution}", execution_id=execution)


def check_open(row: Row, intent_hash: str) -> None:
    """Is this approval still to be decided, and is it about the action that the person saw, unchanged since?"""
    if row["state"] != "pending" or row["execution_state"] != State.AWAITING_APPROVAL:
        said = f"This approval is {row['state']}; nothing is left to decide."
        raise IllegalTransition(said, "expired" if row["state"] == "expired" else "decided")
    if row["is_over"]:
        raise IllegalTransition("This approval has expired; ask for a new proposal.", "expired")
    bound = {intent_hash, row["intent_hash"], row["execution_hash"], Intent.stored(row["intent"], {}).hash}
    if len(bound) > 1:
        raise Refused("The action is not the one that you saw: show the card again and decide on that.", "other_action")


async def check_requester(conn: Connection, row: Row, person: Person) -> None:
    """Who asked may approve restarts and capacity where policy does not forbid it; never what destroys or changes."""
    if row["requester"] != person.name:
        return
    book = await playbooks.version(conn, row["playbook_id"], row["intent"]["playbook_version"])
    body = book["body"] if book else {}
    if body.get("destructive"):
        raise Refused("Who asked for a destructive action cannot approve it.", "requester_is_approver")
    tier = int(body.get("tier", TIER_OF_REQUESTER_MAX + 1))
    if tier > TIER_OF_REQUESTER_MAX or not row["decision"].get("requester_may_approve", True):
        raise Refused(f"Who asked for an action of tier {tier} cannot approve it.", "requester_is_approver")


async def _move(conn: Connection, row: Row, after: State, reason: Reason, person: Person) -> None:
    await executions.move(conn, row["execution_id"], State.AWAITING_APPROVAL, after, reason, actor=person.actor)


async def checked(conn: Connection, execution_id: UUID, person: Person, *, happened: bool, reason: str = "") -> None:
    """A named human looked. For `needs_human`: the action happened or not, which frees the resource.

    For `inconclusive`, where no signal could tell: it helped, or it did not.
    """
    row = await executions.get(conn, execution_id)
    before, after, why, task = State.NEEDS_HUMAN, State.FAILED, Reason.CHECKED_BY_PERSON, "settle"
    if row["state"] == State.INCONCLUSIVE:
        before, why = State.INCONCLUSIVE, Reason.JUDGED_BY_PERSON
        after, task = (State.VERIFIED, "watch_execution") if happened else (State.INEFFECTIVE, "settle")
    elif happened:
        after, task = State.SUCCEEDED, "start_verifying"
    await executions.move(conn, execution_id, before, after, why, actor=person.actor, detail={"checked": reason})
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
