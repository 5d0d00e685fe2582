"""Buttons of an approval card: approve, reject with a reason, edit. Bound to the action that the card shows."""

from core.desk import Done, Refusal
from core.errors import IllegalTransition
from core.role import Role
from engine import approving, preflight, revising
from engine.desk_call import Call, Denied
from engine.desk_form import Field, Form, FormKind, Said
from store import approvals
from store.pool import Row
from tools.act.sight import Sights

REASON = "reason"


async def approve(call: Call) -> Said:
    """One person's yes to exactly the action of the card."""
    approval = await _open(call)
    await _decide(call, approval, "approve", call.click.text)
    after = await approvals.get(call.conn, approval["id"])
    if after["state"] == "approved":
        return call.done(Done.APPROVED)
    return call.done(Done.VOTED, votes=await preflight.behind(call.conn, after), needed=after["needed"])


async def reject(call: Call) -> Said:
    """One person's no, with the reason, which the agent and the track record read."""
    approval = await _open(call)
    reason = _reason(call)
    if not reason:
        field = Field(REASON, call.phrase("field.reason"), is_long=True)
        return call.needs_words(Form(FormKind.REASON, call.click.ticket, call.phrase("ask.reason"), (field,)))
    await _decide(call, approval, "reject", reason)
    return call.done(Done.REJECTED)


async def edit(call: Call) -> Said:
    """Another action instead, which needs an approval of its own; who edits has asked for it."""
    approval = await _open(call)
    parameters: dict[str, object] = approval["intent"]["parameters"]
    wanted, reason = _edited(call)
    if not wanted and not reason:
        fields = [Field(name, name, str(value), is_needed=False) for name, value in parameters.items()]
        why = Field(REASON, call.phrase("field.reason"), is_long=True)
        form = Form(FormKind.EDIT, call.click.ticket, call.phrase("ask.edit"), (*fields, why))
        return call.needs_words(form)
    changed = {
        name: _like(parameters.get(name), text)
        for name, text in wanted.items() if text != str(parameters.get(name, ""))
    }  # fmt: skip
    await revising.edit(
        call.conn, call.site, approval["id"], call.person, intent_hash=call.ticket["bound"], parameters=changed,
        reason=reason or "edited in a chat", sights=call.sights,
    )  # fmt: skip
    return call.done(Done.EDITED)


async def look(call: Call) -> Sights:
    """How everything stands that the edited action may be about."""
    if not (call.click.text or call.click.values):
        return {}
    return await revising.look_first(call.house.store, call.site, call.subject())


async def _open(call: Call) -> Row:
    """The approval, if it is still to be decided and this person has the role that it asks for."""
    approval = await approvals.get(call.conn, call.subject(), lock=True)
    if approval["incident_id"] != call.ticket["incident_id"]:
        raise Denied(Refusal.NO_SUCH_TICKET)
    needed = Role(approval["role"])
    if not call.role.covers(needed):
        raise Denied(Refusal.ROLE_MISSING, needed=needed, role=call.role)
    try:
        approving.check_open(approval, call.ticket["bound"])
    except IllegalTransition as error:
        if error.reason != Refusal.DECIDED:
            raise
        votes = await approvals.votes(call.conn, approval["id"])
        names = ", ".join(vote["name"] for vote in votes)
        by = call.phrase("by", names=names) if names else ""
        raise Denied(Refusal.DECIDED, state=call.phrase(f"state.{approval['state']}"), by=by) from None
    return approval


async def _decide(call: Call, approval: Row, verdict: str, reason: str) -> None:
    await approving.decide(
        call.conn, approval["id"], call.person, verdict=verdict, intent_hash=call.ticket["bound"], reason=reason
    )


def _reason(call: Call) -> str:
    return (call.click.values.get(REASON) or call.click.text).strip()


def _edited(call: Call) -> tuple[dict[str, str], str]:
    """Names and values that were sent, and why. As text: lines of name=value, and the rest is the reason."""
    if call.click.values:
        values = {name: text.strip() for name, text in call.click.values.items() if name != REASON}
        return values, _reason(call)
    wanted: dict[str, str] = {}
    reason = []
    for line in call.click.text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip().isidentifier():
            wanted[name.strip()] = value.strip()
        else:
            reason.append(line.strip())
    return wanted, " ".join(filter(None, reason))


def _like(before: object, text: str) -> str | int:
    """A number where there was one."""
    digits = text.removeprefix("-")
    is_number = isinstance(before, int) and digits.isascii() and digits.isdecimal() and len(digits) <= 18
    return int(text) if is_number else text
