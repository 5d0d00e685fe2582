"""Trying a channel out: one message that nobody can mistake for a page, sent now, and what came of it."""

from dataclasses import dataclass

from core.catalogue import say
from core.errors import NightshiftError
from core.message import Message
from core.phrases_cards import PHRASES
from core.plain_text import storable
from core.site import Channel
from engine.house import House
from tools.notify.send import send
from tools.notify.voice import Place


@dataclass(frozen=True, slots=True)
class Tried:
    """Did it arrive, who we are there, and otherwise what to do."""

    ok: bool
    who: str
    detail: str


async def try_out(house: House, channel: Channel, by: str) -> Tried:
    """Say who we are there and send a test message; never raises what a platform may answer."""
    words = say(PHRASES, "test", channel.language, person=by)
    if not channel.is_chat:
        fault = await send(channel, {"kind": "test", "title": words}, house.client)
        return Tried(not fault, channel.kind, fault)
    who = ""
    try:
        voice = await house.voices.of(channel)
        who = await voice.check()
        await voice.post(Place(channel.chat), Message(words))
    except NightshiftError as error:
        return Tried(False, storable(who), storable(error.detail))
    return Tried(True, storable(who), "")
