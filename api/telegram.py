"""Hearing people in Telegram: which bots a site describes, and the one process that asks Telegram what was said.

The client library costs seconds to import, so what needs it is imported once a site has a Telegram channel.
"""

import asyncio
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from core.site import Channel, Site
from engine.house import House

log = structlog.get_logger(__name__)

POLLING, WEBHOOK = "polling", "webhook"
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class TelegramBot:
    """One bot and the channels that it talks in; they share its token, and one way of hearing."""

    channels: tuple[Channel, ...]
    mode: str
    secret: str = ""

    def channel_of(self, chat: str) -> Channel:
        """The channel of the site that is this chat; a private chat, or one that nobody described, is the first's."""
        return next((channel for channel in self.channels if channel.chat == chat), self.channels[0])


def bots_of(site: Site, environ: Mapping[str, str]) -> list[TelegramBot]:
    """Every bot of the site whose token is set. One that has a channel with `mode: webhook` is not polled."""
    groups: dict[tuple[str, str], list[Channel]] = {}
    for channel in site.channels:
        if channel.kind == "telegram" and environ.get(channel.token_env, ""):
            groups.setdefault((channel.token_env, channel.url), []).append(channel)
    bots = []
    for channels in groups.values():
        posted = [channel for channel in channels if channel.mode == WEBHOOK]
        secret = environ.get(posted[0].secret_env, "") if posted and posted[0].secret_env else ""
        # The channel that the webhook is named after comes first.
        ordered = tuple(sorted(channels, key=lambda channel: channel.mode != WEBHOOK))
        bots.append(TelegramBot(ordered, WEBHOOK if posted else POLLING, secret))
    return bots


class TelegramPolling:
    """Keeps hearing every bot of the site, and follows what the site says."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._tasks: dict[TelegramBot, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._look()
                # The site is a row that may change at any time, not an event to wait for.
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await self._end(set(self._tasks))

    async def _look(self) -> None:
        wanted = set(bots_of(await self._house.site(), os.environ))
        await self._end({bot for bot, task in self._tasks.items() if bot not in wanted or task.done()})
        for bot in wanted - set(self._tasks):
            module: Any = await asyncio.to_thread(importlib.import_module, "api.telegram_ear")
            self._tasks[bot] = asyncio.create_task(module.keep_hearing(self._house, bot))

    async def _end(self, bots: set[TelegramBot]) -> None:
        tasks = [self._tasks.pop(bot) for bot in bots]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                log.error("telegram.stopped", error=repr(result))
