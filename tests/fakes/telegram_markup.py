"""Texts with formatting: HTML and explicit entities, read more strictly than by a browser.

MarkdownV2 and the old Markdown are in telegram_markdown.py. Offsets in errors are bytes, in entities UTF-16 units.
"""

import html
import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram_rules import ENTITIES_MAX, Refused, bad, units

Entity = dict[str, Any]
HTML_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler", "span": "spoiler",
    "code": "code", "pre": "pre", "a": "text_link", "blockquote": "blockquote", "tg-emoji": "custom_emoji",
}  # fmt: skip
ENTITY_KINDS = frozenset(HTML_TAGS.values()) | {
    "expandable_blockquote", "text_mention", "mention", "hashtag", "cashtag", "bot_command", "url", "email",
    "phone_number", "date_time",
}  # fmt: skip
REFERENCE = re.compile(r"&(#x[0-9a-fA-F]+|#[0-9]+|lt|gt|amp|quot);?")
ATTRIBUTE = re.compile(r"\s*([^\s=>]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[\w.:-]+))?")


@dataclass
class Open:
    """A tag or mark that waits for its end."""

    name: str
    at_byte: int
    offset: int
    more: Entity = field(default_factory=dict)


def unparsable(sentence: str) -> Refused:
    """The error that every broken formatting ends in."""
    return bad(f"can't parse entities: {sentence}")


def byte_at(text: str, index: int) -> int:
    """The byte offset of a character."""
    return len(text[:index].encode("utf-8", "surrogatepass"))


def read_html(text: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of HTML, or the refusal."""
    plain, entities, stack, i = "", list[Entity](), list[Open](), 0
    while i < len(text):
        if found := REFERENCE.match(text, i):
            plain, i = plain + html.unescape(found[0].rstrip(";") + ";"), found.end()
        elif text[i] != "<":
            plain, i = plain + text[i], i + 1
        elif text.startswith("</", i):
            i = _end_tag(text, i, plain, stack, entities)
        else:
            opened, i = _start_tag(text, i, plain)
            stack.append(opened)
    if stack:
        raise unparsable(f'Can\'t find end tag corresponding to start tag "{stack[-1].name}"')
    return plain, sorted(entities, key=lambda one: (one["offset"], -one["length"]))


def _start_tag(text: str, begin: int, plain: str) -> tuple[Open, int]:
    at = byte_at(text, begin)
    found = re.compile(r"[^\s>]*").match(text, begin + 1)
    assert found  # it matches nothing, too
    name = found[0].lower()
    if name not in HTML_TAGS:
        raise unparsable(f'Unsupported start tag "{name}" at byte offset {at}')
    attributes: dict[str, str] = {}
    i = found.end()
    while i < len(text) and text[i:].lstrip()[:1] != ">":
        if not (pair := ATTRIBUTE.match(text, i)) or pair.end() == i:
            break
        if pair[2] is None and pair[1] != "expandable":
            raise unparsable(
                f'Expected equal sign in declaration of an attribute of the tag "{name}" at byte offset {at}'
            )
        attributes[pair[1].lower()] = html.unescape((pair[2] or "").strip("\"'"))
        i = pair.end()
    end = text.find(">", i)
    if end < 0 or text[i:end].strip():
        raise unparsable(f'Unclosed start tag "{name}" at byte offset {at}')
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    return Open(name, at, units(plain), _meaning(name, attributes)), end + 1


def _meaning(name: str, attributes: dict[str, str]) -> Entity:
    more: Entity = {"type": HTML_TAGS[name]}
    if name == "a":
        more["url"] = attributes.get("href", "")
    elif name == "code" and attributes.get("class", "").startswith("language-"):
        more["language"] = attributes["class"].removeprefix("language-")
    elif name == "tg-emoji":
        more["custom_emoji_id"] = attributes.get("emoji-id", "")
    elif name == "blockquote" and "expandable" in attributes:
        more["type"] = "expandable_blockquote"
    return more


def _end_tag(text: str, begin: int, plain: str, stack: list[Open], entities: list[Entity]) -> int:
    at, end = byte_at(text, begin), text.find(">", begin)
    if not stack:
        raise unparsable(f"Unexpected end tag at byte offset {at}")
    if end < 0:
        raise unparsable(f"Unclosed end tag at byte offset {at}")
    name = text[begin + 2 : end].strip().lower()
    opened = stack.pop()
    if name and name != opened.name:
        raise unparsable(f'Unmatched end tag at byte offset {at}, expected "</{opened.name}>", found "</{name}>"')
    close(opened, plain, entities)
    return end + 1


def close(opened: Open, plain: str, entities: list[Entity]) -> None:
    """Write down what a tag or mark covered; nothing and links without address leave no entity."""
    length = units(plain) - opened.offset
    if length and not (opened.more["type"] == "text_link" and not opened.more.get("url")):
        entities.append({"offset": opened.offset, "length": length} | opened.more)


def check_entities(text: str, entities: list[Entity]) -> None:
    """Refuse explicit entities that Telegram would refuse or silently drop."""
    if len(entities) > ENTITIES_MAX:
        raise bad("ENTITIES_TOO_LONG")
    encoded = text.encode("utf-16-le", "surrogatepass")
    for one in entities:
        offset, length = one.get("offset"), one.get("length")
        if one.get("type") not in ENTITY_KINDS:
            raise unparsable(f'unsupported entity type "{one.get("type")}"')
        if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length <= 0:
            raise bad("ENTITY_BOUNDS_INVALID")
        if offset + length > units(text):
            end = units(text)
            raise bad(
                f"entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {end}"
            )
        for edge in (offset, offset + length):
            if 0 < edge < units(text) and 0xDC <= encoded[edge * 2 + 1] <= 0xDF:
                raise bad(f"entity beginning at UTF-16 offset {offset} splits a character")
        if one["type"] == "text_link" and not one.get("url"):
            raise bad("ENTITY_URL_INVALID")
