"""A ward with two chats in which its persons press buttons and write, as a platform's adapter would hand it on."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

from engine import desk
from engine.desk import Click, Ordered, Said
from store import identities, tickets
from store.identities import Account
from tests.engine.ward import Ward

TELEGRAM, SLACK = "tg", "sl"
CHATS = {TELEGRAM: "-1007", SLACK: "C07"}
KINDS = {TELEGRAM: "telegram", SLACK: "slack"}
CHANNELS: list[dict[str, Any]] = [
    {"id": TELEGRAM, "kind": "telegram", "chat": CHATS[TELEGRAM], "token_env": "TG"},
    {"id": SLACK, "kind": "slack", "chat": CHATS[SLACK], "token_env": "SL", "language": "zh-Hans"},
]
CARD = "501"


@dataclass
class Room:
    """What people do in the two chats."""

    ward: Ward
    deliveries: Any = field(default_factory=lambda: count(1))

    async def furnish(self) -> None:
        """The chats, and the accounts of everybody who works here."""
        await self.ward.furnish(channels=CHANNELS)
        for name in list(self.ward.people):
            await self.link(name)

    async def link(self, name: str, channel: str = TELEGRAM) -> Account:
        account = self.account(name, channel)
        async with self.ward.store.begin() as conn:
            await identities.link(conn, {"id": self.ward.people[name].id, "name": name}, account)
        return account

    def account(self, name: str, channel: str = TELEGRAM) -> Account:
        return Account(KINDS[channel], f"bot-of-{channel}", f"u-{name}")

    async def button(
        self,
        verb: str,
        service: str,
        *,
        subject: str = "",
        bound: str = "",
        channel: str = TELEGRAM,
        ref: str = CARD,
    ) -> Click:
        """A click of "first" on a button that was shown; not pressed yet."""
        incident = await self.ward.incident(service)
        async with self.ward.store.begin() as conn:
            ticket = await tickets.mint(
                conn, channel=channel, verb=verb, incident_id=incident["id"], subject=subject, bound=bound
            )
            await tickets.shown(conn, ticket, CHATS[channel], ref)
        return Click(self.account("first", channel), channel, CHATS[channel], ref, ticket, verb)

    async def card(self, execution: UUID, verb: str = "approve", channel: str = TELEGRAM) -> Click:
        """A click on a button of the card of an execution that waits."""
        approval = await self.ward.approval(execution)
        row = await self.ward.execution(execution)
        service = row["intent"]["parameters"]["service"]
        subject, bound = str(approval["id"]), approval["intent_hash"]
        return await self.button(verb, service, subject=subject, bound=bound, channel=channel)

    async def press(self, click: Click, person: str = "", **changed: Any) -> Said:
        """Press it, as a delivery of its own."""
        if person:
            changed = {"account": self.account(person, click.channel), **changed}
        return await desk.press(self.ward.house, replace(click, **{"delivery": str(next(self.deliveries)), **changed}))

    async def write(self, name: str, text: str = "", person: str = "first", **changed: Any) -> Said:
        """Write a command into the channel's chat."""
        given = Ordered(self.account(person), TELEGRAM, CHATS[TELEGRAM], "", name, text, str(next(self.deliveries)))
        return await desk.order(self.ward.house, replace(given, **changed))
