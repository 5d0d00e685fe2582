"""Commands that are written in chats, and words that are addressed to us without one: a question."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from core.catalogue import Language, language_of, say
from core.chat_key import ChatKey
from core.desk import COMMAND_NEEDS, Command, Done, Refusal
from core.errors import Contended, NightshiftError, NotFound, Unavailable
from core.message import Message, Tone
from core.phrases_desk import PHRASES
from core.plain_text import storable
from core.regrouping import OVER
from core.role import Role
from core.site import Channel, Site
from engine import attending, desk_reading, linking, stopping
from engine.approving import Person
from engine.desk_call import Denied, done, refused
from engine.desk_form import Ordered, Said
from engine.desk_place import channel_of, check_place, is_private, language_there
from engine.desk_question import incident_there, place_of_incident, put_question
from engine.house import House
from store import heard_updates, identities, incidents
from store.identities import Account
from store.pool import Connection, Row

log = structlog.get_logger(__name__)
TEXT_CHARS_MAX = 4_000
TRIES_MAX = 3
NUMBER_CHARS_MAX = 18
CODE_CHARS_MAX = 40
NAMES = frozenset(Command)


@dataclass(frozen=True, slots=True)
class Errand:
    """A command of somebody who may give it, inside the transaction that its work is done in."""

    conn: Connection
    site: Site
    channel: Channel
    ordered: Ordered
    person: Person
    role: Role
    language: Language


async def order(house: House, ordered: Ordered) -> Said:
    """Do what a command says, once, or say why not. Never raises an error of the house."""
    language = language_of(ordered.language)
    for _ in range(TRIES_MAX):
        try:
            site = await house.site()
            language = language_there(site, ordered.channel, ordered.language)
            said = await _order(house, site, _storable(ordered), language)
        except Contended:
            continue
        except NightshiftError as error:
            said = refused(language, error)
        if said.alert:
            log.info("desk.refused", reason=said.reason, command=ordered.name[:40], account=str(ordered.account)[:200])
        return said
    return refused(language, Unavailable())


async def _order(house: House, site: Site, ordered: Ordered, language: Language) -> Said:
    channel = channel_of(site, ordered.channel, ordered.account)
    name = ordered.name or Command.ASK
    if name not in NAMES:
        raise Denied(Refusal.NO_SUCH_COMMAND)
    if name == Command.HELP:
        return done(language, Done.SHOWN, message=await _help(house, ordered.account, language))
    if name == Command.LINK:
        return await _link(house, channel, ordered, language)
    async with house.store.begin() as conn:
        await _check_new(conn, channel, ordered)
        try:
            async with conn.transaction():
                check_place(channel, ordered.account, ordered.chat)
                person, role = await _person(conn, ordered.account, COMMAND_NEEDS[Command(name)])
                errand = Errand(conn, site, channel, ordered, person, role, language)
                return await COMMANDS[Command(name)](errand)
        except Unavailable:
            raise
        except NightshiftError as error:
            return refused(language, error)


async def _check_new(conn: Connection, channel: Channel, ordered: Ordered) -> None:
    if ordered.delivery and not await heard_updates.is_new(conn, channel.id, f"order:{ordered.delivery}"):
        raise Denied(Refusal.REPEATED)


async def _person(conn: Connection, account: Account, needed: Role) -> tuple[Person, Role]:
    row = await identities.person_of(conn, account)
    if row is None:
        raise Denied(Refusal.NOT_LINKED)
    role = Role(row["role"])
    if not role.covers(needed):
        raise Denied(Refusal.ROLE_MISSING, needed=needed, role=role)
    return Person(row["id"], row["name"], via=account.platform), role


async def _link(house: House, channel: Channel, ordered: Ordered, language: Language) -> Said:
    """Become somebody, by the code that they got elsewhere; one that a group has read is good for nobody any more."""
    in_group = ordered.account.platform == "telegram" and not is_private(ordered.account, ordered.chat)
    if in_group or ordered.is_read_by_all:
        await linking.spoil(house.store, ordered.account, ordered.text[:CODE_CHARS_MAX])
        raise Denied(Refusal.NOT_HERE)
    if not ordered.text:
        raise Denied(Refusal.NO_CODE)
    async with house.store.begin() as conn:
        await _check_new(conn, channel, ordered)
    person = await linking.redeem(house.store, ordered.account, ordered.text[:CODE_CHARS_MAX])
    return done(language, Done.LINKED, person=person["name"], role=person["role"])


async def _ack(errand: Errand) -> Said:
    number, reason = _number(errand.ordered.text)
    if number is None:
        found = await incident_there(errand.conn, errand.channel.id, errand.ordered.chat, errand.ordered.thread)
        if found is None:
            raise Denied(Refusal.NO_INCIDENT_NAMED)
    else:
        try:
            found = await incidents.by_number(errand.conn, number)
        except NotFound:
            raise Denied(Refusal.NO_SUCH_INCIDENT, number=number) from None
    incident = await incidents.get(errand.conn, found["id"], lock=True)
    _check_live(incident)
    number = incident["number"]
    if await attending.acknowledge(errand.conn, incident, errand.person.name, reason=reason, via=errand.person.via):
        return done(errand.language, Done.ACKNOWLEDGED, number=number)
    by = incident["acknowledged_by"] or "-"
    return done(errand.language, Done.ACKNOWLEDGED_BEFORE, number=number, by=by)


async def _ask(errand: Errand) -> Said:
    ordered = errand.ordered
    private = is_private(ordered.account, ordered.chat)
    key = ChatKey(errand.channel.id, ordered.chat, ordered.thread)
    incident = await incident_there(errand.conn, key.channel, key.chat, key.thread)
    if incident and not private:
        key = await place_of_incident(errand.conn, key.channel, incident, key.chat)
    await put_question(
        errand.conn, key, incident, ordered.text, account=ordered.account, person=errand.person, role=errand.role,
        language=errand.language, is_private=private,
    )  # fmt: skip
    return done(errand.language, Done.ASKED)


async def _stop(errand: Errand) -> Said:
    reason = errand.ordered.text
    here = errand.channel.id if errand.ordered.chat == errand.channel.chat else ""
    if not await stopping.stop_actions(errand.conn, errand.site, errand.person, reason=reason, told_in=here):
        return done(errand.language, Done.STOPPED_BEFORE)
    told = stopping.told_of_stop(errand.language, errand.person.name, reason)
    return done(errand.language, Done.STOPPED, message=told)


async def _incidents(errand: Errand) -> Said:
    return done(errand.language, Done.SHOWN, message=await desk_reading.open_incidents(errand.conn, errand.language))


async def _on_call(errand: Errand) -> Said:
    return done(errand.language, Done.SHOWN, message=await desk_reading.on_call(errand.conn, errand.language))


COMMANDS: Mapping[Command, Callable[[Errand], Awaitable[Said]]] = {
    Command.INCIDENTS: _incidents,
    Command.ACK: _ack,
    Command.ASK: _ask,
    Command.ONCALL: _on_call,
    Command.STOP: _stop,
}


async def _help(house: House, account: Account, language: Language) -> Message:
    """What can be written; who is nobody here yet reads how to become somebody, the first that people do."""
    async with house.store.begin() as conn:
        known = await identities.person_of(conn, account)
    rows = [(f"/{command}", say(PHRASES, f"help.{command}", language)) for command in Command]
    footer = "" if known else say(PHRASES, f"no.{Refusal.NOT_LINKED}", language)
    return Message(say(PHRASES, "help.title", language), Tone.NEUTRAL, rows, footer=footer)


def _number(text: str) -> tuple[int | None, str]:
    """The number at the beginning of a text, and the rest."""
    word, _, rest = text.partition(" ")
    digits = word.removeprefix("#")
    if digits.isascii() and digits.isdecimal() and len(digits) <= NUMBER_CHARS_MAX:
        return int(digits), rest.strip()
    return None, text


def _check_live(incident: Row) -> None:
    if incident["state"] in OVER:
        raise Denied(Refusal.INCIDENT_OVER, number=incident["number"])


def _storable(ordered: Ordered) -> Ordered:
    """What was written, as it can be kept. Raises Denied where it is too much."""
    if len(ordered.text) > TEXT_CHARS_MAX:
        raise Denied(Refusal.TOO_LONG, most=TEXT_CHARS_MAX)
    return replace(
        ordered, account=ordered.account.storable(), text=storable(ordered.text).strip(),
        name=ordered.name.removeprefix("/").lower(), chat=storable(ordered.chat), thread=storable(ordered.thread),
        delivery=storable(ordered.delivery),
    )  # fmt: skip
