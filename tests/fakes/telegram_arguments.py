"""Arguments of a Bot API request, read as Telegram reads them, and the text with its formatting."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram_markdown import read_markdown_v2, read_old_markdown
from tests.fakes.telegram_markup import Entity, check_entities, read_html
from tests.fakes.telegram_rules import bad, units

READERS = {"html": read_html, "markdownv2": read_markdown_v2, "markdown": read_old_markdown}


@dataclass(frozen=True)
class Arguments:
    """The arguments of one request."""

    given: Mapping[str, Any]

    def number(self, name: str) -> int | None:
        """A whole number, None if it is not given."""
        value = self.given.get(name)
        if value in (None, ""):
            return None
        try:
            return int(str(value))
        except ValueError:
            raise bad(f'parameter "{name}" must be an Integer') from None

    def text(self, name: str) -> str:
        """A text, empty if it is not given."""
        value = self.given.get(name)
        if value is None:
            return ""
        if isinstance(value, dict | list):
            raise bad(f'parameter "{name}" must be of type String')
        return str(value)

    def flag(self, name: str) -> bool:
        """True for every spelling of yes."""
        return str(self.given.get(name, "")).lower() in ("true", "1", "yes")

    def json(self, name: str) -> Any:
        """Something written in JSON inside an argument, or given as such."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {name} JSON object") from None

    def has(self, name: str) -> bool:
        """Whether the argument is there."""
        return self.given.get(name) not in (None, "")


@dataclass(frozen=True)
class Formatted:
    """What a person will see."""

    text: str
    entities: list[Entity] = field(default_factory=list)


def formatted(arguments: Arguments, text_name: str = "text", entities_name: str = "entities") -> Formatted:
    """The text after its formatting was read, trimmed as Telegram trims it. Entities win over parse_mode."""
    raw, mode = arguments.text(text_name), arguments.text("parse_mode")
    if arguments.has(entities_name):
        given = arguments.json(entities_name)
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise bad("can't parse entities JSON object")
        check_entities(raw, given)
        return _trimmed(raw, [{k: v for k, v in one.items() if v is not None} for one in given])
    if not mode:
        return _trimmed(raw, [])
    if mode.lower() not in READERS:
        raise bad("unsupported parse_mode")
    return _trimmed(*READERS[mode.lower()](raw))


def _trimmed(text: str, entities: list[Entity]) -> Formatted:
    head = units(text) - units(text.lstrip())
    plain = text.strip()
    kept = []
    for one in entities:
        begin = max(0, one["offset"] - head)
        end = min(units(plain), one["offset"] + one["length"] - head)
        if end > begin:
            kept.append(one | {"offset": begin, "length": end - begin})
    return Formatted(plain, kept)
