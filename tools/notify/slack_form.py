"""A message in Slack's form: blocks within every limit, and a plain text for notifications and screen readers.

Nothing of a message is markup: what it says stands in plain text and rich text blocks, where no character means
anything; only the text beside the blocks is read as markup by Slack, and is escaped.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.catalogue import Language, say
from core.message import Button, Message, Style, Tone
from core.phrases_slack import PHRASES
from core.plain_text import cut, storable, visible

HEADER_MAX = 150
LABEL_MAX = 120
ROW_MAX = 4_000
ROWS_MAX = 60
WORDS_MAX = 9_000
CODE_MAX = 2_500
FOOTER_MAX = 1_000
TEXT_MAX = 600
BUTTON_MAX = 75
BUTTONS_OF_ROW_MAX = 25
BUTTONS_MAX = 40
FILE_NAME_MAX = 80
FILE_CHARS_MAX = 1_000_000
SIGNS = {Tone.BAD: "🔴 ", Tone.WAITING: "🟡 ", Tone.GOOD: "🟢 ", Tone.NEUTRAL: ""}
WHOLE_NAME = "message.txt"

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Formed:
    """What is sent: `text` is escaped already; `files` are name and content of what is too long to be shown."""

    text: str
    blocks: list[Block]
    files: tuple[tuple[str, str], ...] = ()


def formed(message: Message, language: Language) -> Formed:
    """A message as Slack takes it. What does not fit is cut in the middle, and then the whole goes along as a file."""
    room = _Room(WORDS_MAX)
    title = room.take(_clean(message.title), HEADER_MAX - 4)
    rows = [
        (room.take(_clean(label), 120), room.take(_clean(text), ROW_MAX)) for label, text in message.rows[:ROWS_MAX]
    ]
    code = room.take(_clean(message.code), CODE_MAX)
    footer = room.take(_clean(message.footer), FOOTER_MAX)
    is_cut = room.is_cut or len(message.rows) > ROWS_MAX
    blocks: list[Block] = []
    if title:
        blocks.append({"type": "header", "text": _plain(cut_to(SIGNS[message.tone] + title, HEADER_MAX))})
    if elements := _section(rows) + _code(code):
        blocks.append({"type": "rich_text", "elements": elements})
    if is_cut:
        footer = f"{footer}\n{say(PHRASES, 'whole', language)}".strip()
    if footer:
        blocks.append({"type": "context", "elements": [_plain(footer)]})
    blocks += _buttons(message.buttons, language)
    if not blocks:
        blocks = [{"type": "section", "text": _plain("…")}]
    files = [(_file_name(message.more_name), cut(storable(message.more), FILE_CHARS_MAX))] if message.more else []
    if is_cut:
        files.append((WHOLE_NAME, cut(as_text(message), FILE_CHARS_MAX)))
    return Formed(escaped(_summary(message, title, rows, code)), blocks, tuple(files))


def escaped(text: str) -> str:
    """The three characters with which Slack begins mentions, links and entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_text(message: Message) -> str:
    """The whole message as lines, for a file."""
    lines = [message.title, ""]
    lines += [f"{label}: {text}" if label else f"    {text}" for label, text in message.rows]
    lines += ["", message.code] if message.code else []
    lines += ["", message.footer] if message.footer else []
    return storable("\n".join(lines).strip() + "\n")


def cut_to(text: str, units_max: int) -> str:
    """Cut in the middle, to a number of UTF-16 units, in which Slack's clients count."""
    room = units_max
    while len((shown := cut(text, room)).encode("utf-16-le")) > 2 * units_max:
        room -= max(1, (len(shown.encode("utf-16-le")) // 2 - units_max) // 2)
    return shown


class _Room:
    """How much of a message may still be shown."""

    def __init__(self, units: int) -> None:
        self._left = units
        self.is_cut = False

    def take(self, text: str, most: int) -> str:
        near = _clean(cut(text, 4 * most))
        shown = cut_to(near, min(most, max(self._left, 1))) if near else ""
        self._left -= len(shown.encode("utf-16-le")) // 2
        self.is_cut = self.is_cut or shown != near or len(text) > 4 * most
        return shown


def _clean(text: str) -> str:
    return visible(storable(text)).strip("\n")


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _section(rows: Sequence[tuple[str, str]]) -> list[Block]:
    """The rows as lines of one section; what goes on with the row before stands in from the margin."""
    shown: list[Block] = []
    is_below = False
    for label, text in rows:
        if not (label or text):
            continue
        if shown:
            shown.append({"type": "text", "text": "\n"})
        if label:
            shown.append({"type": "text", "text": f"{label}: " if text else label, "style": {"bold": True}})
        if text:
            shown.append({"type": "text", "text": f"    {text}" if is_below and not label else text})
        is_below = is_below or bool(label)
    return [{"type": "rich_text_section", "elements": shown}] if shown else []


def _code(code: str) -> list[Block]:
    return [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": code}]}] if code else []


def _summary(message: Message, title: str, rows: Sequence[tuple[str, str]], code: str) -> str:
    lines = [SIGNS[message.tone] + title] if title else []
    lines += [f"{label}: {text}" if label else text for label, text in rows] + ([code] if code else [])
    return cut("\n".join(lines), TEXT_MAX) or "…"


def _buttons(rows: Sequence[Sequence[Button]], language: Language) -> list[Block]:
    seen: dict[str, int] = {}
    blocks: list[Block] = []
    left = BUTTONS_MAX
    for row in rows:
        if elements := [_button(button, seen, language) for button in row[: min(BUTTONS_OF_ROW_MAX, left)]]:
            blocks.append({"type": "actions", "elements": elements})
            left -= len(elements)
    return blocks


def _button(button: Button, seen: dict[str, int], language: Language) -> Block:
    """`action_id` is the verb, with a number behind it where a message has the verb twice; `value` is the ticket."""
    number = seen[button.verb] = seen.get(button.verb, 0) + 1
    name = button.verb if number == 1 else f"{button.verb}.{number}"
    block: Block = {
        "type": "button",
        "action_id": name,
        "value": button.ticket,
        "text": _plain(cut_to(_clean(cut(button.words, BUTTON_MAX)) or "…", BUTTON_MAX)),
    }
    if button.style is not Style.PLAIN:
        block["style"] = str(button.style)
    if button.verb == "stop":
        block["confirm"] = {
            name: _plain(say(PHRASES, f"stop.{name}", language)) for name in ("title", "text", "confirm", "deny")
        } | {"style": "danger"}
    return block


def _file_name(name: str) -> str:
    return cut(re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "output.txt", FILE_NAME_MAX)
