"""MarkdownV2, where every reserved character must be escaped, and the old Markdown."""

import re

from tests.fakes.telegram_markup import Entity, Open, byte_at, close, unparsable
from tests.fakes.telegram_rules import units

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
# Longest first: `__` before `_`, three backticks before one.
MARKS = {
    "```": "pre",
    "__": "underline",
    "||": "spoiler",
    "*": "bold",
    "_": "italic",
    "~": "strikethrough",
    "`": "code",
    "[": "text_link",
}
SPOKEN = {"pre": "Pre", "text_link": "TextUrl", "blockquote": "BlockQuote"}  # others just begin with a capital
OLD_MARKS = {"```": "pre", "`": "code", "*": "bold", "_": "italic", "[": "text_link"}
LANGUAGE = re.compile(r"([^\s`]*)\n")


def read_markdown_v2(text: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of MarkdownV2, or the refusal."""
    plain, entities, stack, i = "", list[Entity](), list[Open](), 0
    while i < len(text):
        inside_code = bool(stack) and stack[-1].name in ("`", "```")
        if text[i] == "\\" and i + 1 < len(text) and 0 < ord(text[i + 1]) < 127:
            plain, i = plain + text[i + 1], i + 2
        elif stack and text.startswith("]" if stack[-1].name == "[" else stack[-1].name, i) and stack[-1].name != ">":
            i = _close_mark(text, i, plain, stack, entities)
        elif text[i] == "\n" and stack and stack[-1].name == ">":
            if text.startswith(">", i + 1):
                plain, i = plain + "\n", i + 2
            else:
                close(stack.pop(), plain, entities)
                plain, i = plain + "\n", i + 1
        elif (inside_code and text[i] != "`") or text[i] not in RESERVED:
            plain, i = plain + text[i], i + 1
        else:
            i = _open_mark(text, i, plain, stack)
    if stack and stack[-1].name == ">":
        close(stack.pop(), plain, entities)
    if stack:
        spoken = SPOKEN.get(stack[-1].more["type"], str(stack[-1].more["type"]).capitalize())
        raise unparsable(f"Can't find end of {spoken} entity at byte offset {stack[-1].at_byte}")
    return plain, sorted(entities, key=lambda one: (one["offset"], -one["length"]))


def _open_mark(text: str, i: int, plain: str, stack: list[Open]) -> int:
    at = byte_at(text, i)
    if text[i] == ">" and (i == 0 or text[i - 1] == "\n") and not stack:
        stack.append(Open(">", at, units(plain), {"type": "blockquote"}))
        return i + 1
    mark = next((mark for mark in MARKS if text.startswith(mark, i)), None)
    if mark is None or any(one.name == mark for one in stack):
        raise unparsable(f"Character '{text[i]}' is reserved and must be escaped with the preceding '\\'")
    more: Entity = {"type": MARKS[mark]}
    after = i + len(mark)
    if mark == "```" and (found := LANGUAGE.match(text, after)):
        more |= {"language": found[1]} if found[1] else {}
        after = found.end()
    stack.append(Open(mark, at, units(plain), more))
    return after


def _close_mark(text: str, i: int, plain: str, stack: list[Open], entities: list[Entity]) -> int:
    opened = stack.pop()
    i += 1 if opened.name == "[" else len(opened.name)
    if opened.name == "[" and text.startswith("(", i):
        end = i + 1
        while end < len(text) and text[end] != ")":
            end += 2 if text[end] == "\\" else 1
        if end >= len(text):
            raise unparsable(f"Can't find end of a URL at byte offset {byte_at(text, i)}")
        opened.more["url"] = re.sub(r"\\(.)", r"\1", text[i + 1 : end])
        i = end + 1
    close(opened, plain, entities)
    return i


def read_old_markdown(text: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of the old Markdown: no nesting, and a lone mark is an error."""
    plain, entities, i = "", list[Entity](), 0
    while i < len(text):
        if text[i] == "\\" and text[i + 1 : i + 2] in ("_", "*", "`", "["):
            plain, i = plain + text[i + 1], i + 2
            continue
        mark = next((mark for mark in OLD_MARKS if text.startswith(mark, i)), None)
        if mark is None:
            plain, i = plain + text[i], i + 1
            continue
        end = text.find("]" if mark == "[" else mark, i + len(mark))
        if end < 0:
            raise unparsable(f"Can't find end of the entity starting at byte offset {byte_at(text, i)}")
        opened = Open(mark, byte_at(text, i), units(plain), {"type": OLD_MARKS[mark]})
        plain += text[i + len(mark) : end]
        i = end + (1 if mark == "[" else len(mark))
        if mark == "[" and (found := re.compile(r"\(([^)]*)\)").match(text, i)):
            opened.more["url"], i = found[1], found.end()
        close(opened, plain, entities)
    return plain, entities
