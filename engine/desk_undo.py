"""The button that undoes an action: a proposal of its own, for exactly what was there before."""

from core.desk import Done, Refusal
from core.errors import Refused
from core.execution import State
from core.regrouping import OVER
from engine import undoing
from engine.desk_call import Call, Denied
from engine.desk_form import Said
from engine.regrouping import By, reopen
from store import executions
from store.pool import Row
from tools.act.looking import look_around
from tools.act.sight import Sights


async def undo(call: Call) -> Said:
    """Ask for the way back; what policy refuses is told with the guardrail's name.

    Whoever takes back what ended an incident has work to do about it again: it is opened again with the proposal.
    """
    incident = await call.incident()
    row = await _execution(call)
    if is_over := incident["state"] in OVER:
        by = By(call.person.name, call.person.actor, call.phrase("reopened.undo"))
        incident = await reopen(call.conn, incident["id"], by)
    made = await undoing.undo_by_person(
        call.conn, call.site, incident, row, person=call.person.name, reason=call.click.text, sights=call.sights
    )
    if made["state"] == State.DENIED:
        decision = made["decision"]
        refused = Refused(str(decision.get("detail", "")), str(decision.get("guardrail", "refused")))
        if is_over:
            raise refused  # and then it stays over
        # Told and not raised, so that the refused proposal stays on record.
        return call.refused(refused)
    return call.done(Done.UNDO_PROPOSED)


async def look(call: Call) -> Sights:
    """How everything stands that the way back is about."""
    async with call.house.store.begin() as conn:
        row = await executions.get(conn, call.subject())
    return await look_around(call.house.store, call.site, row["incident_id"], {row["action"]})


async def _execution(call: Call) -> Row:
    row = await executions.get(call.conn, call.subject())
    if row["incident_id"] != call.ticket["incident_id"]:
        raise Denied(Refusal.NO_SUCH_TICKET)
    return row
