"""Text from outside: made storable, and made visible where it could deceive an eye."""

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Bidirectional controls and zero-width characters: harmless in a database, misleading on an approval card.
_DECEPTIVE = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u00ad]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def storable(text: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL cannot keep, by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def storable_value(value: Any) -> Any:
    """`storable` for every string inside a JSON value, keys too."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(k)): storable_value(v) for k, v in value.items()}
    if isinstance(value, list):
        return [storable_value(v) for v in value]
    return value


def visible(text: str) -> str:
    """Show deceptive and control characters as escapes, for cards and terminals."""
    return _CONTROL.sub(_escape, _DECEPTIVE.sub(_escape, text))


def readable(body: bytes) -> str:
    """Bytes from outside as text: what is no UTF-8, and every control or deceptive character, as an escape."""
    return visible(body.decode("utf-8", "backslashreplace"))


def cut(text: str, chars_max: int) -> str:
    """Shorten in the middle, keeping both ends, to at most `chars_max` characters."""
    if len(text) <= chars_max:
        return text
    keep = max(chars_max - 1, 0)
    return text[: keep - keep // 2] + "…" + (text[-(keep // 2) :] if keep // 2 else "")


def _escape(match: "re.Match[str]") -> str:
    return f"\\u{ord(match.group()):04x}"
