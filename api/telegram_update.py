"""What an update of Telegram says: somebody pressed a button of ours, or wrote something that is meant for us."""

import re
from dataclasses import dataclass
from datetime import timedelta

from aiogram.types import CallbackQuery, Message, Update, User

from core.desk import Command
from tools.notify.telegram_form import PREFIX

START = "start"
KNOWN = frozenset({*Command, START})
NEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Pressed:
    """A pressed button. `chat` and `ref` are empty where Telegram does not say which message carries it."""

    query: str
    account: str
    name: str
    chat: str
    ref: str
    topic: str
    verb: str
    ticket: str
    language: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """A command (`command` without its slash), or words for us. `answers` is the message of ours that it replies to;
    `is_asked`: that message asks this person, or nobody by name; `is_quick`: by name, and only moments before."""

    account: str
    chat: str
    ref: str
    topic: str
    answers: str
    is_asked: bool
    is_quick: bool
    command: str
    text: str
    language: str
    is_private: bool


def read_update(update: Update, me: User) -> Pressed | Wrote | None:
    """What is in it for us; None for everything else."""
    if update.callback_query is not None:
        return _pressed(update.callback_query)
    return _wrote(update.message, me) if update.message is not None else None


def _pressed(query: CallbackQuery) -> Pressed:
    parts = (query.data or "").split(":")
    verb, ticket = (parts[1], parts[2]) if len(parts) == 3 and parts[0] == PREFIX else ("", "")
    message = query.message
    who = query.from_user
    return Pressed(
        query=query.id,
        account=str(who.id),
        name=who.full_name,
        chat=str(message.chat.id) if message else "",
        ref=str(message.message_id) if message else "",
        topic=_topic(message) if isinstance(message, Message) else "",
        verb=verb,
        ticket=ticket,
        language=_language(who),
    )


def _wrote(message: Message, me: User) -> Wrote | None:
    who = message.from_user
    # An anonymous administrator, a channel or another bot is nobody whom we could know; and what is passed on, or was
    # made by another bot, are not the words of who sends it.
    if who is None or who.is_bot or message.sender_chat is not None or not message.text:
        return None
    if message.forward_origin is not None or message.via_bot is not None:
        return None
    is_private = message.chat.type == "private"
    answers = _answered(message, me)
    named = _named(message.reply_to_message)
    said = _command(message, me, is_private=is_private)
    if said is None:
        mention = re.compile(rf"@{re.escape(me.username or '')}\b", re.IGNORECASE)
        text, mentions = mention.subn("", message.text)
        is_foreign_command = message.text.startswith("/")
        if is_foreign_command or not (is_private or answers or mentions):
            return None
        said = ("", text.strip()) if text.strip() else (str(Command.HELP), "")
    return Wrote(
        account=str(who.id),
        chat=str(message.chat.id),
        ref=str(message.message_id),
        topic=_topic(message),
        answers=answers,
        is_asked=not named or who.id in named,
        is_quick=who.id in named and _is_new(message.reply_to_message, message),
        command=said[0],
        text=said[1],
        language=_language(who) if is_private else "",
        is_private=is_private,
    )


def _command(message: Message, me: User, *, is_private: bool) -> tuple[str, str] | None:
    """A command at the very beginning and what follows it; None where there is none, or it is for another bot."""
    first = next((one for one in message.entities or [] if one.type == "bot_command" and one.offset == 0), None)
    if first is None or message.text is None:
        return None
    word, at, bot = message.text[1 : first.length].partition("@")
    if at and bot.lower() != (me.username or "").lower():
        return None
    name, rest = word.lower(), message.text[first.length :].strip()
    if name not in KNOWN and not (is_private or at):
        return None
    if name == START:
        return (str(Command.LINK), rest) if is_private and rest else (str(Command.HELP), "")
    return name, rest


def _answered(message: Message, me: User) -> str:
    """The message of ours that this one replies to. In a topic everything replies to the topic's beginning."""
    other = message.reply_to_message
    if other is None or other.from_user is None or other.from_user.id != me.id:
        return ""
    return "" if _topic(message) == str(other.message_id) else str(other.message_id)


def _named(question: Message | None) -> set[int]:
    """Whom it names. Whoever pressed a button is named by the question for its words."""
    entities = (question.entities if question else None) or []
    return {one.user.id for one in entities if one.type == "text_mention" and one.user}


def _is_new(question: Message | None, answer: Message) -> bool:
    """By Telegram's own clock."""
    return question is not None and answer.date - question.date < NEW


def _topic(message: Message) -> str:
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else ""


def _language(who: User) -> str:
    """The language of the person's app, where it is one that we speak; else the channel's counts."""
    code = who.language_code or ""
    return code if code.split("-")[0].lower() in ("en", "zh") else ""
