"""When the rules change: what was proposed under the old ones and has not begun is void, and is thought over again."""

from core.execution import Reason, State
from engine.healing import resume
from store import approvals, executions, gate, timeline
from store.pool import Connection

OPEN = (State.AWAITING_APPROVAL, State.APPROVED)


async def void_open(conn: Connection, changed: str, *, by: str, playbook_id: str | None = None) -> int:
    """Take back all open approvals, or those of one playbook. How many that were. `changed` says what did change.

    The caller holds the gate's lock, so that nothing begins under the old rules once this is committed; what a thread
    proposes in this very moment names the old version in its intent and is refused at the gate.
    """
    voided = 0
    for row in await gate.open_approvals(conn, playbook_id):
        # The approval first: whoever decides it at this moment locks it first as well.
        await approvals.withdraw(conn, row["approval_id"], "superseded")
        await approvals.replace(conn, row["approval_id"], None, changed)
        state = State((await executions.get(conn, row["execution_id"]))["state"])
        if state not in OPEN:
            continue
        detail = {"rules_changed": changed}
        await executions.move(
            conn, row["execution_id"], state, State.SUPERSEDED, Reason.RULES_CHANGED, actor=by, detail=detail
        )
        body = {"approval_id": str(row["approval_id"]), "verdict": "superseded", **detail}
        why = Reason.RULES_CHANGED
        await timeline.append(conn, row["incident_id"], "approval.decided", actor=by, reason=why, body=body)
        await resume(conn, row["incident_id"])
        voided += 1
    return voided
