"""What else persons may do with an approval: edit the action, withdraw it, and break the glass."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.decision import Decision, Guardrail, Verb
from core.errors import BadInput, IllegalTransition, Refused
from core.execution import Reason, State
from core.facts import Candidate
from core.intent import Intent
from core.site import Site
from engine.approving import Person, approve, check_open, check_requester
from engine.healing import resume
from engine.learning import record_for
from engine.outbox import tell
from engine.preflight import under_glass
from store import approvals, audit, executions, incidents, playbooks, timeline
from store.pool import Connection, Row, Store
from tools.act.gate import read_facts
from tools.act.inventory import read_inventory
from tools.act.looking import look_around
from tools.act.proposals import current_playbooks, submit_by_person
from tools.act.ruling import ruled
from tools.act.sight import Sights

BREAK_GLASS_CHARS_MIN = 10


async def look_first(store: Store, site: Site, approval_id: UUID) -> Sights:
    """How everything stands now that the action of an approval may be about; read before any transaction begins."""
    async with store.begin() as conn:
        row = await approvals.get(conn, approval_id)
    return await look_around(store, site, row["incident_id"], {row["intent"]["action"]})


async def edit(
    conn: Connection,
    site: Site,
    approval_id: UUID,
    person: Person,
    *,
    intent_hash: str,
    parameters: Mapping[str, Any],
    reason: str,
    sights: Sights | None = None,
) -> Row:
    """Another action instead of this one: a new intent with a new approval, which voids the old; the new execution.

    Raises Refused, and nothing has changed, where policy refuses the edited action or it is the same as before.
    """
    row = await approvals.get(conn, approval_id, lock=True)
    check_open(row, intent_hash)
    incident = await incidents.get(conn, row["incident_id"])
    detail = {"edited": reason, "by": person.name}
    await _end(conn, row, State.AWAITING_APPROVAL, Reason.EDITED_BY_PERSON, person, detail)
    wanted = {**row["intent"]["parameters"], **parameters}
    made = await submit_by_person(
        conn, site, incident, person=person.name, playbook_id=row["playbook_id"], parameters=wanted,
        reason=f"edited: {reason}", sights=sights, record=await record_for(conn, site, incident, row["playbook_id"]),
    )  # fmt: skip
    if made["state"] == State.DENIED:
        said = made["decision"]
        raise Refused(f"The edited action is refused: {said.get('detail', '')}", str(said.get("guardrail", "refused")))
    if made["intent_hash"] == row["intent_hash"]:
        raise Refused("Nothing was edited: decide on the action as it is.", "same_action")
    fresh = await approvals.of_execution(conn, made["id"])
    await approvals.replace(conn, approval_id, fresh["id"] if fresh else None, f"edited by {person.name}: {reason}")
    await resume(conn, row["incident_id"])
    return made


async def withdraw(conn: Connection, approval_id: UUID, person: Person, *, reason: str, may_all: bool) -> None:
    """Take back what waits, or was approved and not begun: by who asked for it, or by who may do so for all."""
    row = await approvals.get(conn, approval_id, lock=True)
    if not may_all and row["requester"] != person.name:
        raise Refused("Only who asked for it, or an approver, withdraws it.", "not_requester")
    before = State(row["execution_state"])
    if row["state"] not in ("pending", "approved") or before not in (State.AWAITING_APPROVAL, State.APPROVED):
        raise IllegalTransition(f"This approval is {row['state']} and its execution {before}: it cannot be withdrawn.")
    await _end(conn, row, before, Reason.WITHDRAWN_BY_PERSON, person, {"withdrawn": reason})
    await approvals.replace(conn, approval_id, None, f"withdrawn by {person.name}: {reason}")
    await resume(conn, row["incident_id"])


async def break_glass(
    conn: Connection,
    site: Site,
    approval_id: UUID,
    person: Person,
    *,
    intent_hash: str,
    reason: str,
    sights: Sights | None = None,
) -> None:
    """One person approves for all that are needed, and loudly so; never a destructive action that they asked for."""
    if len(reason.strip()) < BREAK_GLASS_CHARS_MIN:
        raise BadInput(f"Breaking the glass needs a reason of at least {BREAK_GLASS_CHARS_MIN} characters.")
    row = await approvals.get(conn, approval_id, lock=True)
    check_open(row, intent_hash)
    if await _is_destructive(conn, row):
        await check_requester(conn, row, person)
    incident = await incidents.get(conn, row["incident_id"])
    if refusal := await gate_under_glass(conn, site, incident, row, sights):
        raise Refused(refusal.detail, refusal.guardrail)
    if not await approvals.break_glass(conn, approval_id, by=person.name, reason=reason):
        raise IllegalTransition("This approval expired a moment ago.")
    body = {"approval_id": str(approval_id), "verdict": "break_glass", "reason": reason, "via": person.via}
    await timeline.append(
        conn, row["incident_id"], "approval.decided", actor=person.actor, reason="break_glass", body=body
    )
    await audit.write(
        conn, actor=person.actor, action="approval.break_glass", subject=f"approval:{approval_id}", before="pending",
        after="approved", reason=reason, detail={"needed": row["needed"], "intent_hash": intent_hash},
    )  # fmt: skip
    # Straight into the outbox: no silence, storm or maintenance holds this back.
    told = {"incident": incident["number"], "title": f"{person.name} broke the glass", "reason": reason}
    shown = {"action": row["card"].get("title", ""), "target": row["card"].get("target", "")}
    key, more = f"break_glass:{approval_id}", {"by": person.name}
    await tell(conn, site.channels, incident["id"], "break_glass", {**told, **shown}, key=key, more=more)
    await approve(conn, row, person, Reason.GLASS_BROKEN)


async def gate_under_glass(
    conn: Connection, site: Site, incident: Row, row: Row, sights: Sights | None
) -> Decision | None:
    """What still refuses this action when the glass is broken; None where nothing does."""
    intent = Intent.stored(row["intent"], {})
    inventory = await read_inventory(conn, await ruled(conn, site), incident, sights)
    own = row["execution_id"] if "execution_id" in row else row["id"]
    facts = await read_facts(conn, inventory, intent, except_execution=own)
    playbook = (await current_playbooks(conn, site)).get(intent.playbook_id)
    if playbook is None:
        return Decision(Verb.REFUSE, Guardrail.UNKNOWN_PLAYBOOK, f"there is no playbook {intent.playbook_id!r}")
    return under_glass(Candidate(intent, playbook), facts)


async def _is_destructive(conn: Connection, row: Row) -> bool:
    book = await playbooks.version(conn, row["playbook_id"], row["intent"]["playbook_version"])
    return bool(book and book["body"].get("destructive"))


async def _end(
    conn: Connection, row: Row, before: State, why: Reason, person: Person, detail: Mapping[str, Any]
) -> None:
    await approvals.withdraw(conn, row["id"], "superseded")
    await executions.move(conn, row["execution_id"], before, State.SUPERSEDED, why, actor=person.actor, detail=detail)
    body = {"approval_id": str(row["id"]), "verdict": str(why), **detail}
    await timeline.append(conn, row["incident_id"], "approval.decided", actor=person.actor, reason=why, body=body)
