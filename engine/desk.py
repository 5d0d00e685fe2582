"""The desk: what people press and write in chats, whichever platform it comes from.

A click is worth what its ticket's row says, from where the ticket was shown, by the person whom the clicking account is
linked to; nothing else that comes along is believed. The work is that of the HTTP routes.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from core.catalogue import Language, language_of
from core.desk import NEEDS, Refusal, Verb
from core.errors import Contended, NightshiftError, Unavailable
from core.plain_text import storable, storable_value
from core.role import Role
from core.site import Channel, Site
from engine import desk_approval, desk_incident, desk_undo
from engine.approving import Person
from engine.desk_call import Call, Denied, refused
from engine.desk_form import Click, Field, Form, FormKind, Ordered, Said
from engine.desk_order import order
from engine.desk_place import channel_of, language_there
from engine.house import House
from store import heard_updates, identities, tickets
from store.pool import Connection, Row
from tools.act.sight import Sights

__all__ = ["Click", "Field", "Form", "FormKind", "Ordered", "Said", "order", "press"]

log = structlog.get_logger(__name__)
TICKET = re.compile(r"[A-Za-z0-9_-]{12}")
TEXT_CHARS_MAX = 4_000
VALUES_MAX = 50
TRIES_MAX = 3

VERBS: Mapping[Verb, Callable[[Call], Awaitable[Said]]] = {
    Verb.APPROVE: desk_approval.approve,
    Verb.REJECT: desk_approval.reject,
    Verb.EDIT: desk_approval.edit,
    Verb.ASK: desk_incident.ask,
    Verb.ACKNOWLEDGE: desk_incident.acknowledge,
    Verb.TAKE_OVER: desk_incident.take_over,
    Verb.SILENCE_1H: desk_incident.silence_1h,
    Verb.ESCALATE: desk_incident.escalate,
    Verb.STOP: desk_incident.stop,
    Verb.UNDO: desk_undo.undo,
    Verb.FIXED_BY: desk_incident.fixed_by,
}
LOOKS: Mapping[Verb, Callable[[Call], Awaitable[Sights]]] = {
    Verb.EDIT: desk_approval.look,
    Verb.UNDO: desk_undo.look,
}
"""What has to be read from the targets before the transaction of the work begins."""


async def press(house: House, click: Click) -> Said:
    """Do what a button says, once, or say why not. Never raises an error of the house."""
    language = language_of(click.language)
    for _ in range(TRIES_MAX):
        try:
            site = await house.site()
            language = language_there(site, click.channel, click.language)
            said = await _press(house, site, click, language)
        except Contended:
            continue  # two clicks met; nothing of this one is written yet
        except NightshiftError as error:
            said = refused(language, error)
        if said.alert:
            log.info("desk.refused", reason=said.reason, verb=click.verb[:40], account=str(click.account)[:200])
        return said
    return refused(language, Unavailable())


async def _press(house: House, site: Site, click: Click, language: Language) -> Said:
    channel = channel_of(site, click.channel, click.account)
    click = _storable(click)
    sights = await _look(house, site, channel, click, language) if click.verb in LOOKS else None
    async with house.store.begin() as conn:
        if click.delivery and not await heard_updates.is_new(conn, click.channel, f"click:{click.delivery}"):
            raise Denied(Refusal.REPEATED)
        try:
            # What is refused is undone, but it stays heard: a refused click cannot be sent again on a better day.
            async with conn.transaction():
                call = await _admit(conn, house, site, channel, click, language, sights)
                return await VERBS[Verb(click.verb)](call)
        except Unavailable:
            raise
        except NightshiftError as error:
            return refused(language, error)


async def _look(house: House, site: Site, channel: Channel, click: Click, language: Language) -> Sights | None:
    """What is seen of the targets before the work begins; nothing where the click will be refused then."""
    try:
        async with house.store.begin() as conn:
            call = await _admit(conn, house, site, channel, click, language)
        return await LOOKS[Verb(click.verb)](call)
    except Unavailable:
        raise
    except NightshiftError:
        return None


async def _admit(
    conn: Connection,
    house: House,
    site: Site,
    channel: Channel,
    click: Click,
    language: Language,
    sights: Sights | None = None,
) -> Call:
    """Is this button real, is it pressed where it was shown, and may this person do what it says? Raises Denied."""
    ticket = await _ticket(conn, channel, click)
    person = await identities.person_of(conn, click.account)
    if person is None:
        raise Denied(Refusal.NOT_LINKED)
    role, needed = Role(person["role"]), NEEDS[Verb(ticket["verb"])]
    if not role.covers(needed):
        raise Denied(Refusal.ROLE_MISSING, needed=needed, role=role)
    who = Person(person["id"], person["name"], via=click.account.platform)
    return Call(conn, house, site, channel, click, ticket, who, role, language, sights)


async def _ticket(conn: Connection, channel: Channel, click: Click) -> Row:
    ticket = await tickets.read(conn, click.ticket) if TICKET.fullmatch(click.ticket) else None
    if ticket is None or ticket["verb"] not in VERBS:
        raise Denied(Refusal.NO_SUCH_TICKET)
    if ticket["channel"] != channel.id:
        raise Denied(Refusal.FOREIGN_TICKET)
    if ticket["is_old"]:
        raise Denied(Refusal.OLD_TICKET)
    if ticket["verb"] != click.verb:
        raise Denied(Refusal.OTHER_VERB)
    places = [tuple(place) for place in ticket["places"]]
    # Between posting a message and keeping where it is, a click can only come from the channel's own chat.
    if click.chat not in ({chat for chat, _ in places} or {channel.chat}):
        raise Denied(Refusal.OTHER_CHAT)
    if places and (click.chat, click.ref) not in places:
        raise Denied(Refusal.OTHER_MESSAGE)
    return ticket


def _storable(click: Click) -> Click:
    """What was typed, as it can be kept. Raises Denied where it is too much."""
    if max(len(text) for text in (click.text, *click.values.values())) > TEXT_CHARS_MAX:
        raise Denied(Refusal.TOO_LONG, most=TEXT_CHARS_MAX)
    if len(click.values) > VALUES_MAX:
        raise Denied(Refusal.TOO_LONG, most=VALUES_MAX)
    return replace(
        click, account=click.account.storable(), text=storable(click.text).strip(), delivery=storable(click.delivery),
        values=storable_value(dict(click.values)),
    )  # fmt: skip
