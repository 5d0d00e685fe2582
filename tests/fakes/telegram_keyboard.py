"""Inline keyboards: what a button may be, and how many."""

import json
from typing import Any

from tests.fakes.telegram_rules import (
    BUTTON_STYLES,
    BUTTONS_MAX,
    BUTTONS_PER_ROW_MAX,
    CALLBACK_BYTES_MAX,
    COPY_TEXT_UNITS_MAX,
    KEYBOARD_BYTES_MAX,
    Refused,
    bad,
    units,
)

Button = dict[str, Any]
Keyboard = list[list[Button]]
LOOKS = frozenset({"text", "style", "icon_custom_emoji_id"})
DEEDS = frozenset({
    "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay", "disabled",
})  # fmt: skip
ADDRESS_STARTS = ("http://", "https://", "tg://", "ton://")


def read_keyboard(markup: Any) -> Keyboard:
    """The rows of an inline keyboard, empty if there is none, or the refusal."""
    if markup in (None, ""):
        return []
    if isinstance(markup, str):
        try:
            markup = json.loads(markup)
        except ValueError:
            raise bad("can't parse reply keyboard markup JSON object") from None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if len(json.dumps(markup, ensure_ascii=False).encode()) > KEYBOARD_BYTES_MAX:
        raise bad("reply markup is too long")
    if not markup:
        return []
    rows = markup.get("inline_keyboard")
    if rows is None:
        return []  # a reply keyboard, its removal or a forced reply: nothing to press on the message itself
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    if sum(map(len, rows)) > BUTTONS_MAX or any(len(row) > BUTTONS_PER_ROW_MAX for row in rows):
        raise bad("REPLY_MARKUP_TOO_LONG")
    return [[_button(one) for one in row] for row in rows if row]


def _button(one: Any) -> Button:
    if not isinstance(one, dict):
        raise _unreadable("expected an Object")
    if not isinstance(one.get("text"), str):
        raise _unreadable('Can\'t find field "text"')
    if not one["text"].strip():
        raise bad("BUTTON_TEXT_EMPTY")
    given = {name: value for name, value in one.items() if value is not None}
    if unknown := set(given) - LOOKS - DEEDS:
        raise _unreadable(f'Unknown field "{min(unknown)}"')  # the real service looks away
    deeds = DEEDS & set(given)
    if len(deeds) != 1:
        raise _unreadable("Text buttons are unallowed in the inline keyboard" if not deeds else "BUTTON_TYPE_INVALID")
    if given.get("style", "primary") not in BUTTON_STYLES:
        raise bad("BUTTON_STYLE_INVALID")
    _deed(min(deeds), given)
    return given


def _deed(deed: str, given: Button) -> None:
    value = given[deed]
    if deed == "callback_data" and not 1 <= len(str(value).encode()) <= CALLBACK_BYTES_MAX:
        raise bad("BUTTON_DATA_INVALID")
    if deed == "url" and (not str(value).startswith(ADDRESS_STARTS) or " " in value):
        raise bad(f"inline keyboard button URL '{value}' is invalid: Wrong HTTP URL")
    if deed == "url" and value.startswith("http") and "." not in value.split("/")[2]:
        raise bad(f"inline keyboard button URL '{value}' is invalid: Wrong HTTP URL")  # such as localhost
    if deed == "copy_text":
        text = value.get("text") if isinstance(value, dict) else None
        if not isinstance(text, str) or not 1 <= units(text) <= COPY_TEXT_UNITS_MAX:
            raise bad("BUTTON_COPY_TEXT_INVALID")
    if deed == "disabled" and not isinstance(value, dict):
        raise _unreadable('Field "disabled" must be of type Object')


def _unreadable(sentence: str) -> Refused:
    return bad(f"can't parse inline keyboard button: {sentence}")
