"""Buttons about an incident: acknowledge, take over, silence, escalate, STOP, ask, and what fixed it."""

from core.desk import Done, Refusal
from core.errors import BadInput, Refused
from core.message import Message, Tone
from core.regrouping import OVER
from engine import attending, silencing
from engine.desk_call import Call, Denied, clock
from engine.desk_form import Field, Form, FormKind, Said
from engine.desk_place import is_private
from engine.desk_question import place_of_incident, put_question
from engine.learning import HumanFix, tell_fix
from engine.stopping import stop_actions, told_of_stop
from store import playbooks
from store.pool import Row

SILENCE_S = 3_600.0
ALONE = frozenset({"alone", "自行恢复", "自行恢復"})
TICKED = ALONE | {"yes", "y", "true", "是"}


async def acknowledge(call: Call) -> Said:
    """This person looks at it."""
    incident = await _live(call)
    changed = await attending.acknowledge(
        call.conn, incident, call.person.name, reason=call.click.text, via=call.person.via
    )
    if changed:
        return call.done(Done.ACKNOWLEDGED, number=incident["number"])
    by = incident["acknowledged_by"] or "-"
    return call.done(Done.ACKNOWLEDGED_BEFORE, number=incident["number"], by=by)


async def take_over(call: Call) -> Said:
    """It is this person's now, whoever's it was; and they look at it."""
    incident = await _live(call)
    name, via = call.person.name, call.person.via
    await attending.assign(call.conn, incident["id"], name, by=name, reason=call.click.text, via=via)
    if incident["state"] in attending.MAY_ACKNOWLEDGE:
        await attending.acknowledge(call.conn, incident, name, via=via)
    return call.done(Done.TAKEN_OVER, number=incident["number"])


async def silence_1h(call: Call) -> Said:
    """Nobody is told of what fires in this incident, for an hour; everybody sees that, and until when."""
    incident = await _live(call)
    number, person = incident["number"], call.person
    try:
        silent = await silencing.silence_incident(call.conn, incident, person.name, for_s=SILENCE_S, via=person.via)
    except Refused as error:
        raise Denied(Refusal(error.reason), number=number, most=silencing.KINDS_MAX) from None
    until = clock(silent.until)
    if not silent.is_new:
        return call.done(Done.SILENCED_BEFORE, number=number, until=until)
    rows = [(call.phrase("row.until"), until), (call.phrase("row.by"), person.name)]
    told = Message(call.phrase("told.silence", number=number), Tone.NEUTRAL, rows)
    return call.done(Done.SILENCED, message=told, number=number, until=until)


async def escalate(call: Call) -> Said:
    """More people are needed."""
    incident = await _live(call)
    changed = await attending.escalate(
        call.conn, incident, call.person.name, reason=call.click.text, via=call.person.via
    )
    return call.done(Done.ESCALATED if changed else Done.ESCALATED_BEFORE, number=incident["number"])


async def stop(call: Call) -> Said:
    """The kill switch goes on. No question is asked: it only ever makes things safer."""
    reason, here = call.click.text, call.channel.id if call.click.chat == call.channel.chat else ""
    if not await stop_actions(call.conn, call.site, call.person, reason=reason, told_in=here):
        return call.done(Done.STOPPED_BEFORE)
    return call.done(Done.STOPPED, message=told_of_stop(call.language, call.person.name, reason))


async def ask(call: Call) -> Said:
    """A question about the incident; the answer comes into its thread."""
    incident = await call.incident()
    question = (call.click.values.get("question") or call.click.text).strip()
    if not question:
        field = Field("question", call.phrase("field.question"), is_long=True)
        title = call.phrase("ask.question", number=incident["number"])
        return call.needs_words(Form(FormKind.QUESTION, call.click.ticket, title, (field,)))
    account, chat = call.click.account, call.click.chat
    key = await place_of_incident(call.conn, call.channel.id, incident, chat)
    await put_question(
        call.conn, key, incident, question, account=account, person=call.person, role=call.role,
        language=call.language, is_private=is_private(account, chat),
    )  # fmt: skip
    return call.done(Done.ASKED)


async def fixed_by(call: Call) -> Said:
    """What a person did about it by hand, or that nobody did anything."""
    incident = await call.incident()
    books = {row["id"] for row in await playbooks.newest(call.conn)}
    fix = _fix(call, books)
    if fix is None:
        fields = (
            Field("playbook", call.phrase("field.playbook"), is_needed=False),
            Field("words", call.phrase("field.words"), is_needed=False, is_long=True),
            Field("alone", call.phrase("field.alone"), is_needed=False),
        )
        title = call.phrase("ask.fixed_by", number=incident["number"])
        return call.needs_words(Form(FormKind.FIXED_BY, call.click.ticket, title, fields))
    await tell_fix(call.conn, incident, fix, actor=call.person.actor)
    return call.done(Done.FIX_TOLD, did=fix.did)


def _fix(call: Call, books: set[str]) -> HumanFix | None:
    """What was said, None where nothing was. Raises BadInput where it is both something and nothing."""
    values, text = call.click.values, call.click.text
    if not values:
        if text.casefold() in ALONE:
            return HumanFix(is_alone=True)
        return HumanFix(text, "") if text in books else HumanFix(None, text) if text else None
    playbook, words = values.get("playbook", "").strip(), values.get("words", "").strip()
    alone = values.get("alone", "").strip().casefold() in TICKED
    if alone and (playbook or words):
        raise BadInput("say a playbook or words, or that it went away alone")
    if not (alone or playbook or words):
        return None
    return HumanFix(playbook or None, words, alone)


async def _live(call: Call) -> Row:
    """The incident, if it goes on."""
    incident = await call.incident()
    if incident["state"] in OVER:
        raise Denied(Refusal.INCIDENT_OVER, number=incident["number"])
    return incident
