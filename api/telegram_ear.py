"""One bot's ear: it asks Telegram what was said, or tells Telegram where to post it, for as long as this process leads.

An update is confirmed when the desk has dealt with it. One that comes again, after a crash for example, is known there.
"""

import asyncio
from collections import defaultdict
from typing import Any

import structlog
from aiogram.methods import DeleteWebhook, SetMyCommands, SetWebhook
from aiogram.methods.base import TelegramMethod
from aiogram.types import BotCommand, BotCommandScopeChat, Update
from pydantic import ValidationError

from api.telegram import WEBHOOK, TelegramBot
from api.telegram_crowd import Crowd
from api.telegram_hearing import Hearing
from core.catalogue import Language, say
from core.desk import Command
from core.errors import NightshiftError
from core.phrases_desk import PHRASES
from engine.house import House
from tools.notify.telegram import TelegramVoice
from tools.notify.telegram_line import chat_id
from tools.notify.voice import Undeliverable, Wait

log = structlog.get_logger(__name__)

POLL_S = 25
ANSWER_S = 15.0
PAUSE_S, PAUSE_S_MAX, FAULTY_S = 0.5, 15.0, 60.0
HEARD = ["message", "callback_query"]
PATH = "/api/v1/chat/telegram/"

Raw = dict[str, Any]


class GetRawUpdates(TelegramMethod[list[Raw]]):
    """`getUpdates`, with each update as it came: one that the library cannot read must not make the bot deaf."""

    __returning__ = list[Raw]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int = POLL_S
    allowed_updates: list[str] = HEARD


async def keep_hearing(house: House, bot: TelegramBot) -> None:
    """Until cancelled. What a person has to change is told, and looked at again every minute."""
    pause_s = PAUSE_S
    while True:
        try:
            await _hear(house, bot)
        except Undeliverable as error:
            log.error("telegram.not_heard", channel=bot.channels[0].id, error=error.detail)
            await asyncio.sleep(FAULTY_S)
        except NightshiftError as error:
            log.warning("telegram.not_heard", channel=bot.channels[0].id, error=error.detail)
            await asyncio.sleep(getattr(error, "seconds", pause_s))
            pause_s = min(pause_s * 2, PAUSE_S_MAX)


async def _hear(house: House, bot: TelegramBot) -> None:
    voice = await voice_of(house, bot)
    me = await voice.me()
    await _show_commands(voice, bot)
    if bot.mode == WEBHOOK:
        await _ask_for_posts(house, bot, voice)
        await asyncio.Event().wait()
    await voice.line.call("", DeleteWebhook())
    log.info("telegram.polling", bot=me.username, channels=[channel.id for channel in bot.channels])
    hearing = Hearing(house, bot, voice, me, Crowd())
    try:
        await _poll(hearing, voice, bot)
    finally:
        for task in list(hearing.answers):
            task.cancel()


async def voice_of(house: House, bot: TelegramBot) -> TelegramVoice:
    """The voice that this process speaks with there. Raises Undeliverable."""
    voice = await house.voices.of(bot.channels[0])
    assert isinstance(voice, TelegramVoice)
    return voice


async def hear_post(house: House, bot: TelegramBot, raw: Raw, crowd: Crowd) -> None:
    """Deal with an update that Telegram has posted to us, and answer it."""
    voice = await voice_of(house, bot)
    hearing = Hearing(house, bot, voice, await voice.me(), crowd)
    await hear_all(hearing, voice, [raw])
    if hearing.answers:
        await asyncio.wait(hearing.answers)


async def _poll(hearing: Hearing, voice: TelegramVoice, bot: TelegramBot) -> None:
    offset, pause_s = None, PAUSE_S
    while True:
        try:
            raws = await voice.line.call("", GetRawUpdates(offset=offset), timeout_s=POLL_S + ANSWER_S)
        except Wait as wait:
            await asyncio.sleep(wait.seconds)
            continue
        except Undeliverable:
            raise
        except NightshiftError as error:
            log.warning("telegram.not_reached", channel=bot.channels[0].id, error=error.detail, again_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
            continue
        pause_s = PAUSE_S
        await hear_all(hearing, voice, raws)
        offset = max((int(raw["update_id"]) + 1 for raw in raws), default=offset)


async def hear_all(hearing: Hearing, voice: TelegramVoice, raws: list[Raw]) -> None:
    """Deal with updates: those of one chat in their order, those of several beside each other."""
    lanes: dict[object, list[Update]] = defaultdict(list)
    for raw in raws:
        try:
            update = Update.model_validate(raw, context={"bot": voice.line.bot})
        except ValidationError as error:
            log.warning("telegram.not_read", update=raw.get("update_id"), error=str(error)[:300])
            continue
        lanes[_chat_of(raw)].append(update)
    await asyncio.gather(*(_in_order(hearing, updates) for updates in lanes.values()))


async def _in_order(hearing: Hearing, updates: list[Update]) -> None:
    for update in updates:
        try:
            await hearing.hear(update)
        except Exception:  # whatever is wrong with one update, those behind it are heard
            log.exception("telegram.update_broken", update=update.update_id)


def _chat_of(raw: Raw) -> object:
    """Updates with the same answer are dealt with one after the other."""
    query = raw.get("callback_query")
    if isinstance(query, dict):
        return str(query.get("from", {}).get("id")) if isinstance(query.get("from"), dict) else ""
    message = raw.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    return chat.get("id") if isinstance(chat, dict) else ""


async def _show_commands(voice: TelegramVoice, bot: TelegramBot) -> None:
    """What Telegram offers when somebody types a slash: in the language of their app, and of each group."""
    shown: list[SetMyCommands] = [
        SetMyCommands(commands=_commands(Language.EN)),
        SetMyCommands(commands=_commands(Language.ZH_HANS), language_code="zh"),
    ]
    shown += [
        SetMyCommands(commands=_commands(channel.language), scope=BotCommandScopeChat(chat_id=chat_id(channel.chat)))
        for channel in bot.channels
        if channel.chat
    ]
    for method in shown:
        try:
            await voice.line.call("", method)
        except NightshiftError as error:  # only a convenience
            log.info("telegram.no_commands", error=error.detail)


def _commands(language: str) -> list[BotCommand]:
    return [BotCommand(command=str(name), description=say(PHRASES, f"help.{name}", language)) for name in Command]


async def _ask_for_posts(house: House, bot: TelegramBot, voice: TelegramVoice) -> None:
    """Have Telegram post to us. Raises Undeliverable where that is not safe or not possible."""
    channel = bot.channels[0]
    if not bot.secret:
        raise Undeliverable(f"Channel {channel.id} has no secret: set {channel.secret_env or 'its secret_env'}.")
    if not house.settings.public_url:
        said = f"set NIGHTSHIFT_PUBLIC_URL to where Telegram reaches us, or leave out `mode: {WEBHOOK}`"
        raise Undeliverable(f"Channel {channel.id} waits for posts: {said}.")
    url = f"{house.settings.public_url.rstrip('/')}{PATH}{channel.id}"
    await voice.line.call("", SetWebhook(url=url, secret_token=bot.secret, allowed_updates=HEARD))
    log.info("telegram.webhook", url=url)
