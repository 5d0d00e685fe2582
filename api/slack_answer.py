"""How the desk's answers reach people in Slack: to one pair of eyes, or as a message where it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog

from core.errors import NightshiftError
from core.message import Message
from core.plain_text import cut
from engine.house import House
from store import tickets
from tools.notify.slack import SlackVoice
from tools.notify.slack_form import escaped, formed
from tools.notify.voice import Place, Wait

log = structlog.get_logger(__name__)

RESPONSE_HOST = "hooks.slack.com"
WORDS_MAX = 2_900
TRIES_MAX = 4
WAIT_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Asker:
    """Who is answered, and where: words for one person beside what they see, a message below `ref`.

    `url` is the address that came with a click or a command: it costs no limit.
    """

    chat: str
    user: str
    thread: str = ""
    url: str = ""
    ref: str = ""


class SlackAnswers:
    """Never raises: the work is done or refused already, and what cannot be told is logged."""

    def __init__(self, house: House, voice: SlackVoice) -> None:
        self._house, self._voice = house, voice
        self._hosts = {RESPONSE_HOST, urlsplit(voice.api.client.base_url).netloc}

    async def whisper(self, asker: Asker, words: str, message: Message | None = None) -> None:
        """Show something to one person only."""
        shown = formed(message, self._voice.language) if message else None
        block = {"type": "section", "text": {"type": "plain_text", "text": cut(words, WORDS_MAX), "emoji": False}}
        text, blocks = (shown.text, shown.blocks) if shown else (escaped(cut(words, WORDS_MAX)), [block])
        body: dict[str, Any] = {"text": text, "blocks": blocks}
        if asker.thread:
            body["thread_ts"] = asker.thread
        if asker.url and self._is_slack(asker.url):
            more = {"response_type": "ephemeral", "replace_original": False}
            await self._told(lambda: self._voice.api.respond(asker.url, body | more))
        elif asker.chat.startswith("D"):
            await self._told(lambda: self._voice.api.call("chat.postMessage", channel=asker.chat, **body))
        elif asker.chat and asker.user:
            more = {"channel": asker.chat, "user": asker.user}
            await self._told(lambda: self._voice.api.call("chat.postEphemeral", **body, **more))

    async def publish(self, asker: Asker, message: Message) -> None:
        """A message for everybody there; its buttons are good from there only."""

        async def post() -> None:
            ref = await self._voice.post(Place(asker.chat, asker.thread or asker.ref), message)
            async with self._house.store.begin() as conn:
                for button in (one for row in message.buttons for one in row):
                    if button.ticket:
                        await tickets.shown(conn, button.ticket, asker.chat, ref)

        await self._told(post)

    async def _told(self, send: Callable[[], Awaitable[Any]]) -> None:
        for attempt in range(1, TRIES_MAX + 1):
            try:
                await send()
                return
            except Wait as wait:
                if attempt == TRIES_MAX or wait.seconds > WAIT_S_MAX:
                    log.warning("slack.not_told", error=wait.detail)
                    return
                await asyncio.sleep(wait.seconds)
            except NightshiftError as error:
                log.warning("slack.not_told", error=error.detail)
                return

    def _is_slack(self, url: str) -> bool:
        """Only Slack is answered, whatever address a payload names."""
        parts = urlsplit(url)
        return parts.netloc in self._hosts and (parts.scheme == "https" or parts.netloc != RESPONSE_HOST)
