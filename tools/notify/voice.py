"""What every chat platform can do for us: open a thread, post, edit, stream an answer, send a file."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol, TypeVar

from core.errors import NightshiftError, Unavailable
from core.message import Message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A chat and a thread in it. `root` is the message that the thread hangs on; where the platform has topics,
    `thread` is the topic; both empty mean the chat itself."""

    chat: str
    thread: str = ""
    root: str = ""


class Wait(Unavailable):
    """The platform says that we are too fast: nothing to this chat before `seconds` are over."""

    def __init__(self, seconds: float, detail: str = "") -> None:
        super().__init__(detail or f"the platform asks to wait {seconds:g} s")
        self.seconds = seconds


async def patiently(send: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """Send, waiting as often as the platform wants, up to `patience_s` in all. Raises Wait where that is not enough."""
    until = monotonic() + patience_s
    while True:
        try:
            return await send()
        except Wait as wait:
            if monotonic() + wait.seconds > until:
                raise
            await asyncio.sleep(wait.seconds)


class Undeliverable(NightshiftError):
    """It will never arrive there as it is (kicked out, no such chat, no right); a person has to change something."""


class Gone(NightshiftError):
    """The message that should be edited, or the thread that should be written to, does not exist any more."""


class Stream(Protocol):
    """An answer that grows while people read it. The platform's limits are its own business: it may show less often."""

    async def write(self, text: str) -> None:
        """The whole answer so far, as plain text. Never raises: what cannot be shown now is shown with the end."""

    async def finish(self, message: Message) -> str:
        """Put the final answer in its place; the message's id. Raises as `Voice.post` does."""


class Voice(Protocol):
    """One bot on one platform. Texts are cut and split to the platform's limits here and nowhere else.

    Every method raises Wait, Undeliverable, Gone or Unavailable (try again later) and nothing else. Sending again what
    may have arrived can double it, so the caller keeps what came back.
    """

    async def open_thread(self, chat: str, title: str, first: Message) -> Place:
        """Begin the thread of an incident with its first message, whose id is the place's `root`."""

    async def post(self, place: Place, message: Message) -> str:
        """A message in a thread; its id."""

    async def edit(self, place: Place, ref: str, message: Message) -> None:
        """Replace a message of ours. One that shows this already is no error."""

    def stream(self, place: Place, *, asked_by: str = "") -> Stream:
        """Begin an answer. `asked_by` is the account that asked, which some platforms want to know."""

    async def check(self) -> str:
        """Who we are there, for people who connect it: the bot's name. Raises with what to do."""

    async def close(self) -> None:
        """Give the connections back."""


async def put_in_place(voice: Voice, place: Place, ref: str, message: Message) -> str:
    """A message in the place of what stands at `ref`; a new one where nothing does (any more). Its id."""
    if ref:
        try:
            await voice.edit(place, ref, message)
            return ref
        except Gone:
            pass
    return await voice.post(place, message)
