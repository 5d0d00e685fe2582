"""One bot's line to Telegram: requests go out, and every way in which they fail becomes one of a voice's errors.

When Telegram asks to wait, nothing goes to that chat before the time is over, whoever wants to send it.
"""

import contextlib
from time import monotonic
from typing import TypeVar

import structlog
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import EditMessageText, GetChat, TelegramMethod
from aiogram.utils.token import TokenValidationError

from core.errors import NightshiftError, Unavailable
from core.plain_text import cut
from tools.notify.voice import Gone, Undeliverable, Wait, patiently

log = structlog.get_logger(__name__)

T = TypeVar("T")
TIMEOUT_S = 10.0
PATIENCE_S = 5.0
LOOK_AGAIN_S = 600.0
DETAIL_CHARS_MAX = 300
GONE = (
    "message to edit not found",
    "message can't be edited",
    "message thread not found",
    "message to be replied not found",
    "topic_deleted",
    "topic_id_invalid",
)
NOT_MODIFIED = "message is not modified"
NO_FORUM = "the chat is not a forum"
FORBIDDEN = "Telegram lets the bot not write there: add it to the chat again, or let the person unblock it."
UNAUTHORIZED = "Telegram does not know this token: get the bot's token from @BotFather and put it in the environment."
NO_CHAT = "The bot has never met this chat: add it there, write something, and check the chat's id."


class Unformed(Undeliverable):
    """Telegram does not take a message in this form; it may take the same words without formatting and buttons."""


class Line:
    """A bot, and until when it has to be silent in which chat."""

    def __init__(self, token: str, url: str = "", *, timeout_s: float = TIMEOUT_S) -> None:
        api = TelegramAPIServer.from_base(url.rstrip("/")) if url else PRODUCTION
        try:
            self.bot = Bot(token, session=AiohttpSession(api=api, timeout=timeout_s))
        except TokenValidationError:
            raise Undeliverable("This is not the token of a Telegram bot: it looks like 123456:ABC-DEF...") from None
        self._silent_until: dict[str, float] = {}
        self._looked_at: dict[str, float] = {}
        self.moved: dict[str, str] = {}
        self._is_closed = False

    async def follow(self, chat: str) -> str:
        """Where a chat is now: a group that gets topics, or grows, gets a new id. Asks at most every LOOK_AGAIN_S."""
        if chat not in self.moved and monotonic() >= self._looked_at.get(chat, 0.0):
            self._looked_at[chat] = monotonic() + LOOK_AGAIN_S
            with contextlib.suppress(NightshiftError):
                await self.call(chat, GetChat(chat_id=chat_id(chat)))
        return self.moved.get(chat, chat)

    async def call(
        self, chat: str, method: TelegramMethod[T], *, patience_s: float = 0.0, timeout_s: float | None = None
    ) -> T:
        """Send a request about a chat; waits that are asked for are waited here, up to `patience_s` in all.

        Raises Wait, Undeliverable, Gone or Unavailable.
        """
        return await patiently(lambda: self._once(chat, method, timeout_s), patience_s)

    async def _once(self, chat: str, method: TelegramMethod[T], timeout_s: float | None) -> T:
        if self._is_closed:  # the library would open connections again, which nobody closes
            raise Unavailable("This line to Telegram is closed.")
        if (left := self._silent_until.get(chat, 0.0) - monotonic()) > 0:
            raise Wait(left)
        if chat in self.moved and getattr(method, "chat_id", None) == chat_id(chat):
            method = self._readdressed(chat, method)
        try:
            return await self.bot(method, request_timeout=None if timeout_s is None else int(timeout_s))
        except TelegramRetryAfter as error:
            self._silent_until[chat] = monotonic() + error.retry_after
            raise Wait(error.retry_after) from None
        except TelegramMigrateToChat as error:
            if chat in self.moved:
                raise Undeliverable(f"The group {chat} moves on and on.") from None
            self.moved[chat] = str(error.migrate_to_chat_id)
            log.warning("telegram.moved", chat=chat, to=self.moved[chat], fix="write the new id into the site file")
            return await self._once(chat, method, timeout_s)
        except Exception as error:  # the library also lets through errors of the layers below it
            raise _meant(error, self.bot.token) from None

    def _readdressed(self, chat: str, method: TelegramMethod[T]) -> TelegramMethod[T]:
        """The same to where the chat is now. What was written before the move stays behind, and cannot be edited."""
        if isinstance(method, EditMessageText):
            raise Gone(f"the group {chat} has moved to {self.moved[chat]}")
        return method.model_copy(update={"chat_id": int(self.moved[chat])})

    async def close(self) -> None:
        """Give the connections back; nothing is sent any more."""
        self._is_closed = True
        await self.bot.session.close()


def chat_id(chat: str) -> int | str:
    """A chat as Telegram takes it: a number, or the public name of a group."""
    return int(chat) if chat.lstrip("-").isdigit() else chat


def number(text: str) -> int | None:
    """The id of a message or topic, None where there is none. In a group that has moved its new id stands before it."""
    digits = text.rpartition("/")[2]
    return int(digits) if digits.isdigit() else None


def ref_in(moved_to: str, message: int | str) -> str:
    """How a message is called that was written where a group has moved to."""
    return f"{moved_to}/{message}"


def _meant(error: Exception, token: str) -> NightshiftError:
    """What a failure means to who wanted to send. Addresses in it would tell the token."""
    said = str(getattr(error, "message", "") or error or type(error).__name__)
    said = cut(said.replace(token, "TOKEN"), DETAIL_CHARS_MAX)
    match error:
        case TelegramUnauthorizedError():
            return Undeliverable(UNAUTHORIZED)
        case TelegramForbiddenError():
            return Undeliverable(f"{FORBIDDEN} ({said})")
        case TelegramNotFound():
            return Undeliverable(f"{UNAUTHORIZED} ({said})")
        case TelegramBadRequest() if any(words in said.lower() for words in GONE):
            return Gone(said)
        case TelegramBadRequest() if "chat not found" in said.lower():
            return Undeliverable(f"{NO_CHAT} ({said})")
        case TelegramBadRequest():
            return Unformed(said)
    return Unavailable(f"Telegram cannot be reached or is unwell ({said}).")


def is_unmodified(error: NightshiftError) -> bool:
    """Does the message show this already?"""
    return NOT_MODIFIED in error.detail.lower()


def is_no_forum(error: NightshiftError) -> bool:
    """Is it a group without topics?"""
    return NO_FORUM in error.detail.lower()
