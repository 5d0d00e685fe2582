"""A ward whose people are told in a fake Telegram and a fake Slack; what is due is done step by step."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.errors import IllegalTransition, NotFound
from engine import following, incidents, storms, telling, voicing
from engine.voices import Voices
from store import jobs
from tests.engine.ward import BODIES, EVERY_S, Ward, open_ward
from tests.fakes.flood import Rate
from tests.fakes.slack import FakeSlack, fake_slack
from tests.fakes.slack_rules import METHOD_RATES, SlackLimits
from tests.fakes.slack_state import BOT_TOKEN, Channel, Member
from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.fakes.telegram_rules import TelegramLimits
from tests.fakes.telegram_state import TOKEN, Person
from tools.notify.voice import Voice

FORUM = -1001
ROOM = "C0NIGHT"
EARLY, NIGHT = Person(11, "early", "early"), Person(12, "night", "night")
SLACK_EARLY = Member("U0EARLY", "early")
FAST = Rate(1000, 1.0)
ANY_SPEED = TelegramLimits(per_chat=FAST, per_group=Rate(1000, 60.0), overall=FAST)
ANY_SLACK_SPEED = SlackLimits(per_channel=FAST, methods=dict.fromkeys(METHOD_RATES, FAST))
ENVIRON = {"TELEGRAM_TOKEN": TOKEN, "SLACK_TOKEN": BOT_TOKEN}
TELLING = {
    "page_incident": telling.page_incident,
    "page_storm": storms.page_storm,
    "end_storm": storms.end_storm,
    "send_notification": telling.send_notification,
    "tell_approvals": lambda house, incident_id: incidents.tell_approvals(house, incident_id),
    "resolve_incident": incidents.resolve_incident,
    "speak": voicing.speak,
    "follow_incident": following.follow_incident,
    "follow_cards": following.follow_cards,
}
ROUNDS_MAX = 20


@dataclass
class ChatWard:
    """The ward, the platforms, and what goes on between them."""

    ward: Ward
    telegram: FakeTelegram
    slack: FakeSlack
    room: Channel
    channels: list[Mapping[str, Any]] = field(default_factory=list)

    async def talk(self, *, rounds: int = ROUNDS_MAX) -> list[str]:
        """Do everything that is due about telling people and healing, until nothing is left; the names of it all."""
        done: list[str] = []
        for _ in range(rounds):
            async with self.ward.store.begin() as conn:
                await jobs.take_due(conn)
            queued = await self.ward.rows(
                "SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id"
            )
            if not queued:
                return done
            for job in queued:
                await self._do(job["task_name"], job["args"])
                await self.ward.rows("DELETE FROM procrastinate_jobs WHERE id = %s", job["id"])
                done.append(job["task_name"])
        return done

    async def _do(self, task: str, args: Mapping[str, Any]) -> None:
        body = TELLING.get(task) or BODIES.get(task)
        if body is not None:
            with contextlib.suppress(IllegalTransition, NotFound):
                await body(self.ward.house, **args)

    async def until(self, execution: UUID, *states: str, within_s: float = 60.0) -> None:
        """Let time go by, step by step, until an execution is in one of these states and everybody was told."""
        for _ in range(round(within_s / EVERY_S)):
            await self.talk()
            if (await self.ward.execution(execution))["state"] in states:
                return
            self.ward.clock.advance(EVERY_S)
        raise AssertionError(f"{await self.ward.path(execution)} and never {' or '.join(states)}")

    async def restart(self) -> None:
        """Whatever the voices knew is lost."""
        await self.ward.house.voices.close()
        self.ward.house.voices = Voices(ENVIRON)

    def in_telegram(self, containing: str = "") -> list[str]:
        """The texts that stand in the group now."""
        return [message.text for message in self.telegram.hand.messages(FORUM, containing)]

    def in_slack(self, containing: str = "") -> list[Any]:
        """The posts that stand in the channel and its threads now."""
        return [
            post for post in self.room.posts.values() if post.user != SLACK_EARLY.id and containing in str(post.blocks)
        ]

    async def voice(self, channel: str) -> Voice:
        """The voice that speaks in a channel."""
        site = await self.ward.house.site()
        return await self.ward.house.voices.of(next(one for one in site.channels if one.id == channel))


@asynccontextmanager
async def open_chat_ward(
    database: Any,
    folder: Any,
    *,
    telegram_limits: TelegramLimits = ANY_SPEED,
    slack_limits: SlackLimits = ANY_SLACK_SPEED,
    language: str = "en",
) -> AsyncIterator[ChatWard]:
    """A forum in Telegram and a channel in Slack, both told of everything."""
    async with (
        fake_telegram(telegram_limits) as telegram,
        fake_slack(slack_limits) as slack,
        open_ward(database, folder) as ward,
    ):
        telegram.world.group(FORUM, EARLY, NIGHT, forum=True)
        room = slack.workspace.open_channel(ROOM, SLACK_EARLY)
        channels = [
            {"id": "tg", "kind": "telegram", "chat": str(FORUM), "token_env": "TELEGRAM_TOKEN", "url": telegram.url},
            {"id": "sl", "kind": "slack", "chat": ROOM, "token_env": "SLACK_TOKEN", "url": slack.api},
        ]
        channels = [{**one, "language": language} for one in channels]
        ward.house.voices = Voices(ENVIRON)
        await ward.furnish(channels=channels)
        try:
            yield ChatWard(ward, telegram, slack, room, channels)
        finally:
            await ward.house.voices.close()
