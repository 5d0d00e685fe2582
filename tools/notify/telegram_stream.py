"""Answers that grow: drafts in a private chat, a message that is edited now and then in a group.

Showing happens beside the writer, one request at a time, always of the newest text; what fails is shown with the end.
"""

import asyncio
import secrets
from abc import ABC, abstractmethod
from time import monotonic

import structlog
from aiogram.methods import SendMessageDraft

from core.errors import NightshiftError
from core.message import Message
from tools.notify.telegram_form import plain
from tools.notify.telegram_line import Line, number
from tools.notify.voice import Place, Voice, Wait, put_in_place

log = structlog.get_logger(__name__)
DRAFT_EVERY_S = 0.7
DRAFT_AGAIN_S = 20.0  # Telegram takes a draft away after 30 seconds
EDIT_EVERY_S = 3.0
BETWEEN_S = 1.05  # messages and edits in one chat
LIFE_S = 900.0


class _Growing(ABC):
    """The writer leaves the newest text here; a task of its own shows it when it may."""

    def __init__(self, every_s: float, again_s: float | None) -> None:
        self._every_s, self._again_s = every_s, again_s
        self._text = self._shown = ""
        self._shown_at = 0.0
        self._ends_at = monotonic() + LIFE_S
        self._over = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def write(self, text: str) -> None:
        """The whole answer so far."""
        self._text = plain(text)
        self._changed.set()
        if self._task is None and not self._over.is_set():
            self._task = asyncio.create_task(self._go_on())

    async def _end(self) -> None:
        """Nothing is shown any more once this returns; a request that is under way ends first."""
        self._over.set()
        self._changed.set()
        if self._task is not None:
            await self._task

    async def _go_on(self) -> None:
        while not self._over.is_set() and monotonic() < self._ends_at:
            wait_s = self._every_s
            if self._text != self._shown or self._is_fading():
                self._changed.clear()
                wait_s = max(wait_s, await self._show_safely(self._text))
            await _pause(self._over, wait_s)
            if self._text == self._shown:
                await _pause(self._changed, self._again_s or LIFE_S)

    def _is_fading(self) -> bool:
        return self._again_s is not None and monotonic() - self._shown_at >= self._again_s

    async def _show_safely(self, text: str) -> float:
        """Show it; how many seconds Telegram wants to be left alone."""
        self._shown_at = monotonic()
        try:
            await self._show(text)
        except Wait as wait:
            return wait.seconds
        except NightshiftError as error:
            log.info("telegram.not_shown", detail=error.detail)
        self._shown = text
        return 0.0

    @abstractmethod
    async def _show(self, text: str) -> None:
        """Bring it before the reader's eyes."""


class DraftStream(_Growing):
    """A preview that only the person sees, replaced by the final message."""

    def __init__(self, voice: Voice, line: Line, place: Place) -> None:
        super().__init__(DRAFT_EVERY_S, DRAFT_AGAIN_S)
        self._voice, self._line, self._place = voice, line, place
        self._draft = 1 + secrets.randbelow(2**31 - 2)

    async def finish(self, message: Message) -> str:
        """The final message, which takes the draft away."""
        await self._end()
        return await self._voice.post(self._place, message)

    async def _show(self, text: str) -> None:
        place = self._place
        draft = SendMessageDraft(
            chat_id=int(place.chat), draft_id=self._draft, message_thread_id=number(place.thread), text=text
        )
        await self._line.call(place.chat, draft)


class EditedStream(_Growing):
    """A message that is posted with the first words and edited at most every EDIT_EVERY_S seconds."""

    def __init__(self, voice: Voice, place: Place) -> None:
        super().__init__(EDIT_EVERY_S, None)
        self._voice, self._place = voice, place
        self._ref = ""

    async def finish(self, message: Message) -> str:
        """The final answer in place of the growing one. It may be called again after it raised."""
        await self._end()
        await asyncio.sleep(max(0.0, self._shown_at + BETWEEN_S - monotonic()))
        return await put_in_place(self._voice, self._place, self._ref, message)

    async def _show(self, text: str) -> None:
        message = Message("", rows=[("", text)])
        if self._ref:
            await self._voice.edit(self._place, self._ref, message)
        else:
            self._ref = await self._voice.post(self._place, message)


async def _pause(event: asyncio.Event, seconds: float) -> None:
    """Until the event or the end of the time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
