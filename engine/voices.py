"""The voices of this process: one for each chat channel, opened when it first speaks and kept."""

import asyncio
import importlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from core.errors import NightshiftError
from core.site import Channel
from tools.notify.voice import Undeliverable, Voice

log = structlog.get_logger(__name__)


@dataclass
class Voices:
    """`environ` holds the tokens that channels name."""

    environ: Mapping[str, str]
    _open: dict[str, tuple[Channel, Voice]] = field(default_factory=dict)
    _opening: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def of(self, channel: Channel) -> Voice:
        """The voice of a channel; a channel that is described anew gets a new one.

        Raises Undeliverable where it cannot be opened, such as for a token that is missing.
        """
        # A lock for each, since one platform's library takes its time.
        async with self._opening.setdefault(channel.id, asyncio.Lock()):
            known = self._open.get(channel.id)
            if known is not None and known[0] == channel:
                return known[1]
            # Importing may cost seconds, so that is done beside the loop.
            module: Any = await asyncio.to_thread(importlib.import_module, f"tools.notify.{channel.kind}")
            try:
                voice: Voice = module.open_voice(channel, self.environ)
            except NightshiftError as error:
                raise Undeliverable(error.detail) from error
            self._open[channel.id] = (channel, voice)
        if known is not None:
            await known[1].close()
        return voice

    async def warm(self, channels: Iterable[Channel]) -> None:
        """Open the voices of chat channels before the first page needs them."""
        await asyncio.gather(*(self._warm(channel) for channel in channels if channel.is_chat))

    async def _warm(self, channel: Channel) -> None:
        try:
            await self.of(channel)
        except Undeliverable as error:
            log.error("voice.not_opened", channel=channel.id, error=error.detail)

    async def close(self) -> None:
        """Give everything back."""
        for _, voice in self._open.values():
            with suppress(NightshiftError):
                await voice.close()
        self._open.clear()
