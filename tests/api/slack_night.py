"""A night in Slack: a ward whose channel is a strict Slack on loopback, a card that waits there, people who click."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from api.app import build_app
from api.slack_socket import SlackSockets
from core.message import Button, Message
from core.site import Channel
from store import identities, tickets
from store.identities import Account
from store.pool import Row
from tests.api.conftest import served
from tests.engine.ward import Ward, open_ward
from tests.fakes.flood import Rate
from tests.fakes.slack import FakeSlack, fake_slack
from tests.fakes.slack_rules import METHOD_RATES, SlackLimits
from tests.fakes.slack_state import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM, Member, Post
from tests.fakes.slack_state import Channel as SlackChannel
from tests.fakes.waiting import until
from tools.notify.slack import open_voice
from tools.notify.voice import Place, Voice

FAST = Rate(1000, 1.0)
ANY_SPEED = SlackLimits(per_channel=FAST, methods=dict.fromkeys(METHOD_RATES, FAST))
APPROVER, SECOND = Member("U0APPROVER", "approver"), Member("U0SECOND", "second")
OUTSIDER = Member("U0OUTSIDER", "outsider")
SECRETS = {"SLACK_BOT": BOT_TOKEN, "SLACK_APP": APP_TOKEN, "SLACK_SECRET": SIGNING_SECRET}
VERBS = ("approve", "reject", "edit", "ask", "acknowledge", "take_over", "silence_1h", "escalate", "stop", "fixed_by")
ABOUT_APPROVAL = ("approve", "reject", "edit")


@dataclass
class Night:
    """The ward and Slack, and the card of the last thing that was asked for."""

    ward: Ward
    slack: FakeSlack
    voice: Voice
    channel: SlackChannel
    site_channel: Channel
    place: Place = field(default_factory=lambda: Place("C1"))

    async def card(self, playbook: str = "poke") -> tuple[Row, Post]:
        """Somebody asks for an action; its execution, and the card in the incident's thread."""
        service = await self.ward.add_service()
        execution = await self.ward.ask(service, playbook)
        approval = await self.ward.approval(execution["id"])
        incident = await self.ward.incident(service)
        self.place = await self.voice.open_thread("C1", service, Message(f"P1 {service} is down"))
        async with self.ward.store.begin() as conn:
            minted = {
                verb: await tickets.mint(
                    conn, channel="oncall", verb=verb, incident_id=incident["id"],
                    subject=str(approval["id"]) if verb in ABOUT_APPROVAL else "",
                    bound=approval["intent_hash"] if verb in ABOUT_APPROVAL else "",
                )
                for verb in VERBS
            }  # fmt: skip
        buttons = [[Button(verb, verb, ticket) for verb, ticket in minted.items()]]
        ref = await self.voice.post(self.place, Message(f"Card of {service}", buttons=buttons))
        async with self.ward.store.begin() as conn:
            for ticket in minted.values():
                await tickets.shown(conn, ticket, "C1", ref)
        return execution, self.channel.posts[ref]

    async def link(self, member: Member, person: str) -> None:
        """This account is this person."""
        row = {"id": self.ward.people[person].id, "name": person}
        async with self.ward.store.begin() as conn:
            await identities.link(conn, row, Account("slack", TEAM, member.id))

    async def described(self, **changes: Any) -> None:
        """The site describes the channel so from now on, and no other."""
        self.site_channel = replace(self.site_channel, **changes)
        await self.ward.furnish(channels=[_given(self.site_channel)])

    async def also_described(self, name: str, chat: str) -> None:
        """The same app talks in another channel, too."""
        other = replace(self.site_channel, id=name, chat=chat)
        await self.ward.furnish(channels=[_given(self.site_channel), _given(other)])

    @contextlib.asynccontextmanager
    async def heard(self, road: str) -> AsyncIterator[Any]:
        """Hear people, over one road or the other, as one process does from its start to its end."""
        await self.described(mode=road)
        opened = self._in_socket_mode() if road == "socket" else self._over_http()
        async with opened as app:
            yield app

    @contextlib.asynccontextmanager
    async def _in_socket_mode(self) -> AsyncIterator[None]:
        self.slack.server.deliveries.road = self.slack.sockets
        work = asyncio.create_task(SlackSockets(self.ward.house).run())
        try:
            await until(lambda: bool(self.slack.sockets.connections) or work.done(), 10, "a socket")
            yield None
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    @contextlib.asynccontextmanager
    async def _over_http(self) -> AsyncIterator[Any]:
        app = build_app(self.ward.house)
        async with served(app) as port:
            try:
                await app.state.slack.open_all()
                await self.slack.use_http(f"http://127.0.0.1:{port}/api/v1/chat/slack/oncall")
                yield app
            finally:
                await app.state.slack.close()

    async def click(self, person: Member, post: Post, name: str, *, times: int = 1) -> str:
        """Click, up to so many times until Slack does not say that it was lost; what only this person is told then."""
        before = len(self.channel.ephemerals)
        for _ in range(times):
            clicked = await self.slack.hand.settled(self.slack.hand.click(person, post, name))
            if clicked.acked:
                break
        assert clicked.acked
        return await self.told(before)

    async def told(self, before: int) -> str:
        """The next thing that is told to one person only, after so many."""
        await until(lambda: len(self.channel.ephemerals) > before, 5, "words for one person")
        return self.channel.ephemerals[before].text

    async def state(self, execution: Row) -> str:
        return str((await self.ward.execution(execution["id"]))["state"])


def _given(channel: Channel) -> dict[str, Any]:
    """A channel as the site file describes it."""
    kept = ("id", "kind", "url", "token_env", "chat", "app_token_env", "secret_env", "mode", "language")
    return {name: value for name in kept if (value := getattr(channel, name))}


@contextlib.asynccontextmanager
async def open_night(database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Night]:
    """Slack, a ward, and a linked approver; nobody hears yet. At the end nothing may have gone against the protocol."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    async with fake_slack(ANY_SPEED) as slack, open_ward(database, folder) as ward:
        channel = slack.workspace.open_channel("C1", APPROVER, SECOND, OUTSIDER)
        described = Channel(
            "oncall", "slack", url=slack.api, token_env="SLACK_BOT", chat="C1", app_token_env="SLACK_APP",
            secret_env="SLACK_SECRET",
        )  # fmt: skip
        voice = open_voice(described, SECRETS)
        night = Night(ward, slack, voice, channel, described)
        await night.link(APPROVER, "first")
        await night.link(SECOND, "second")
        yield night
        await voice.close()
        assert slack.violations == []
