"""What people write to us in Slack, as they meant it: without Slack's entities, and told apart from talk of others."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.desk import Command

ENTITY = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
NAME = re.compile(r"\s*@?nightshift\b[\s,:，：]*", re.IGNORECASE)
TEXT_MAX = 4_000
COMMANDS = frozenset(str(one) for one in Command)
PLAIN_SUBTYPES = (None, "thread_broadcast", "file_share")
# A command without a slash, since commands work in no thread. What is not exactly one of these is a question.
WRITTEN = re.compile(r"(incidents|oncall|help|stop)|(ack)(?:\s+(#?\d+))?|(link)\s+(\S+)|(ask)\s+(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Addressed:
    """Words for us: by whom, where, and which command they are (`name` empty: a question)."""

    team: str
    user: str
    chat: str
    thread: str
    ts: str
    name: str
    text: str
    is_direct: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of somebody, whether or not it is for us."""

    said: Addressed
    is_named: bool


def heard_of(event: Mapping[str, Any], team: str, bot: str) -> Heard | None:
    """The message of an event; None where nobody wrote it, or where the same message comes as a mention, too."""
    user, chat, ts = event.get("user"), event.get("channel"), event.get("ts")
    text = event.get("text")
    if not (isinstance(user, str) and isinstance(chat, str) and isinstance(ts, str) and isinstance(text, str)):
        return None
    if not (user and chat and ts) or event.get("bot_id") or event.get("subtype") not in PLAIN_SUBTYPES:
        return None
    is_mention = event.get("type") == "app_mention"
    is_direct = event.get("channel_type") == "im" or chat.startswith("D")
    if is_mention and is_direct:
        return None  # in a private chat the message itself is enough
    if not is_mention and not is_direct and bot and f"<@{bot}>" in text:
        return None
    words = without_bot(text, bot, is_mention=is_mention)
    by_name = NAME.match(words)
    words = (words[by_name.end() :] if by_name else words).strip()[:TEXT_MAX]
    name, rest = command_of(words)
    thread = event.get("thread_ts")
    where = thread if isinstance(thread, str) and thread else ("" if is_direct else ts)
    home = event.get("user_team") or event.get("team") or team
    said = Addressed(str(home), user, chat, where, ts, name, rest, is_direct)
    return Heard(said, is_mention or is_direct or bool(by_name and thread))


def command_of(words: str) -> tuple[str, str]:
    """A command and what follows it, or an empty name and all of the words."""
    found = WRITTEN.fullmatch(words.removeprefix("/"))
    if not found:
        return "", words
    given = [part for part in found.groups() if part is not None]
    return given[0], given[1] if len(given) > 1 else ""


def order_of(command: str, text: str) -> tuple[str, str]:
    """A slash command; `/nightshift` takes any of ours as its first word."""
    name, rest = command.removeprefix("/"), plain(text).strip()[:TEXT_MAX]
    if name == "nightshift":
        first, _, more = rest.partition(" ")
        return (first, more.strip()) if first in COMMANDS else (Command.ASK if rest else Command.HELP, rest)
    return name, rest


def without_bot(text: str, bot: str, *, is_mention: bool) -> str:
    """The words without the mention of us."""
    if bot:
        text = text.replace(f"<@{bot}>", " ")
    elif is_mention:
        text = re.sub(r"<@[^<>]*>", " ", text, count=1)
    return plain(text).strip()


def plain(text: str) -> str:
    """Slack's entities as a person would write them."""

    def shown(match: "re.Match[str]") -> str:
        sign, target, label = match.groups()
        if sign == "!":
            return f"@{(label or target).removeprefix('@')}"
        return f"{sign}{label or target}" if sign else target if label in (None, target) else f"{label} ({target})"

    return html.unescape(ENTITY.sub(shown, text))
