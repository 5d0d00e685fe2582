"""A chat room: a house with a real database, the strict Telegram, a bot that listens there, and cards with buttons."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from api import telegram_ear
from api.telegram import bots_of
from core.desk import ABOUT, About, Verb
from core.message import Button, Message, Tone
from store import identities, tickets
from store.identities import Account
from tests.engine.ward import Ward, open_ward
from tests.fakes.flood import Rate
from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.fakes.telegram_rules import TelegramLimits
from tests.fakes.telegram_state import BOT_ID, TOKEN, Person
from tests.fakes.telegram_state import Message as Shown
from tools.notify.voice import Place

ANY_SPEED = TelegramLimits(per_chat=Rate(1000, 1.0), per_group=Rate(1000, 60.0), overall=Rate(1000, 1.0))
APPROVER = Person(101, "early shift", "early")
OUTSIDER = Person(202, "a guest")
GROUP = -1001
SECRET = "a-secret_of-the-webhook"
CHANNEL = {
    "id": "oncall",
    "kind": "telegram",
    "chat": str(GROUP),
    "token_env": "ROOM_TOKEN",
    "secret_env": "ROOM_SECRET",
}
BUTTONS = (Verb.APPROVE, Verb.REJECT, Verb.EDIT, Verb.ASK, Verb.ACKNOWLEDGE, Verb.STOP)


@dataclass
class Card:
    """An action that waits, and the message that shows it."""

    execution: UUID
    shown: Shown


@dataclass
class Room:
    """Everything together. `first` of the ward is the person behind the approver's account."""

    ward: Ward
    telegram: FakeTelegram

    async def card(self, *, person: str = "carer", chat: int = GROUP) -> Card:
        """Somebody asks for an action; its card is posted with every button."""
        service = await self.ward.add_service()
        execution = await self.ward.ask(service, person=person)
        approval, incident = await self.ward.approval(execution["id"]), await self.ward.incident(service)
        subjects = {About.APPROVAL: str(approval["id"]), About.EXECUTION: str(execution["id"]), About.INCIDENT: ""}
        row, minted = [], []
        async with self.ward.store.begin() as conn:
            for verb in BUTTONS:
                subject = subjects[ABOUT[verb]]
                bound = approval["intent_hash"] if ABOUT[verb] is About.APPROVAL else ""
                minted.append(
                    await tickets.mint(
                        conn, channel="oncall", verb=verb, incident_id=incident["id"], subject=subject, bound=bound
                    )
                )
                row.append(Button(verb, verb, minted[-1]))
        [channel] = (await self.ward.house.site()).channels
        voice = await self.ward.house.voices.of(channel)
        ref = await voice.post(Place(str(chat)), Message(f"card of {service}", Tone.WAITING, buttons=[row]))
        async with self.ward.store.begin() as conn:
            for ticket in minted:
                await tickets.shown(conn, ticket, str(chat), ref)
        place = self.telegram.world.chats[int(ref.rpartition("/")[0] or chat)]
        return Card(execution["id"], place.messages[int(ref.rpartition("/")[2])])

    async def link(self, who: Person, name: str) -> None:
        """An account is a person."""
        async with self.ward.store.begin() as conn:
            person = {"id": self.ward.people[name].id, "name": name}
            await identities.link(conn, person, Account("telegram", str(BOT_ID), str(who.id)))

    async def state(self, card: Card) -> str:
        """How the approval of a card stands."""
        return str((await self.ward.approval(card.execution))["state"])

    async def channel(self, **more: Any) -> None:
        """Describe the channel anew."""
        await self.ward.furnish(channels=[{**CHANNEL, "url": self.telegram.url, **more}])

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """The bot hears what people do."""
        [bot] = bots_of(await self.ward.house.site(), {"ROOM_TOKEN": TOKEN, "ROOM_SECRET": SECRET})
        task = asyncio.create_task(telegram_ear.keep_hearing(self.ward.house, bot))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextlib.asynccontextmanager
async def open_room(database: Any, folder: Path, monkeypatch: Any) -> AsyncIterator[Room]:
    """A room in which the approver is linked and the guest is not."""
    monkeypatch.setenv("ROOM_TOKEN", TOKEN)
    monkeypatch.setenv("ROOM_SECRET", SECRET)
    async with fake_telegram(ANY_SPEED) as telegram, open_ward(database, folder) as ward:
        telegram.world.group(GROUP, APPROVER, OUTSIDER, forum=True)
        telegram.world.private(APPROVER)
        telegram.world.private(OUTSIDER)
        room = Room(ward, telegram)
        await room.channel()
        await room.link(APPROVER, "first")
        yield room
        await ward.house.voices.close()
