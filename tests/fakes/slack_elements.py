"""Block Kit's texts and elements: buttons, selects, inputs, confirmations."""

from collections.abc import Iterator
from typing import Any

BLOCK_ID_MAX = 255
ACTION_ID_MAX = 255
BUTTON_TEXT_MAX = 75
BUTTON_VALUE_MAX = 2000
URL_MAX = 3000
OPTION_TEXT_MAX = 75
OPTION_VALUE_MAX = 150
OPTIONS_MAX = 100
OVERFLOW_MAX = 5
PLACEHOLDER_MAX = 150
INPUT_LENGTH_MAX = 3000
CONFIRM_MAX = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
STYLES = frozenset({"primary", "danger"})
SELECTS = frozenset({
    "static_select", "multi_static_select", "users_select", "multi_users_select", "conversations_select",
    "channels_select", "external_select", "radio_buttons", "checkboxes", "overflow", "datepicker", "timepicker",
    "datetimepicker",
})  # fmt: skip
INPUTS = frozenset({
    "plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input", "file_input",
})  # fmt: skip
PLACES = {
    "actions": SELECTS | {"button"},
    "section": SELECTS | {"button", "image"},
    "input": (SELECTS - {"overflow"}) | INPUTS,
}
WITH_OPTIONS = frozenset({"static_select", "multi_static_select", "radio_buttons", "checkboxes", "overflow"})


def text_faults(text: Any, at: str, most: int, *, plain: bool = False) -> Iterator[str]:
    """Faults of a text object of 1 to `most` characters."""
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", "mrkdwn"):
        yield f"must be a text object [json-pointer:{at}]"
        return
    if plain and text["type"] != "plain_text":
        yield f"must be plain_text [json-pointer:{at}/type]"
    if text["type"] == "mrkdwn" and "emoji" in text:
        yield f"no emoji field in mrkdwn [json-pointer:{at}/emoji]"
    words = text.get("text")
    if not isinstance(words, str) or not words:
        yield f"must be more than 0 characters [json-pointer:{at}/text]"
    elif len(words) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}/text]"


def element_faults(element: Any, at: str, place: str) -> Iterator[str]:
    """Faults of one interactive element in its place: actions, section or input."""
    if not isinstance(element, dict) or element.get("type") not in PLACES[place]:
        kind = element.get("type") if isinstance(element, dict) else element
        yield f"unsupported type: {kind} [json-pointer:{at}]"
        return
    name = element.get("action_id")
    if name is not None and not 1 <= len(str(name)) <= ACTION_ID_MAX:
        yield f"must be less than {ACTION_ID_MAX + 1} characters [json-pointer:{at}/action_id]"
    if element["type"] == "button":
        yield from _button_faults(element, at)
    if element["type"] in WITH_OPTIONS:
        yield from _options_faults(element, at)
    if element.get("placeholder"):
        yield from text_faults(element["placeholder"], f"{at}/placeholder", PLACEHOLDER_MAX, plain=True)
    for limit in ("min_length", "max_length"):
        if element.get(limit) is not None and not 0 <= element[limit] <= INPUT_LENGTH_MAX:
            yield f"must be from 0 to {INPUT_LENGTH_MAX} [json-pointer:{at}/{limit}]"
    if element.get("confirm") is not None:
        yield from _confirm_faults(element["confirm"], f"{at}/confirm")


def _button_faults(button: Any, at: str) -> Iterator[str]:
    yield from text_faults(button.get("text"), f"{at}/text", BUTTON_TEXT_MAX, plain=True)
    if len(button.get("value") or "") > BUTTON_VALUE_MAX:
        yield f"must be less than {BUTTON_VALUE_MAX + 1} characters [json-pointer:{at}/value]"
    if button.get("value") == "":
        yield f"must be more than 0 characters [json-pointer:{at}/value]"
    if len(button.get("url") or "") > URL_MAX:
        yield f"must be less than {URL_MAX + 1} characters [json-pointer:{at}/url]"
    if button.get("style") is not None and button["style"] not in STYLES:
        yield f"must be primary or danger [json-pointer:{at}/style]"


def _options_faults(element: Any, at: str) -> Iterator[str]:
    options = element.get("options") or [
        one for group in element.get("option_groups") or () for one in group["options"]
    ]
    most = OVERFLOW_MAX if element["type"] == "overflow" else OPTIONS_MAX
    if not 1 <= len(options) <= most:
        yield f"from 1 to {most} options allowed [json-pointer:{at}/options]"
    for index, one in enumerate(options):
        yield from text_faults(one.get("text"), f"{at}/options/{index}/text", OPTION_TEXT_MAX)
        if not 1 <= len(one.get("value") or "") <= OPTION_VALUE_MAX:
            yield f"must be from 1 to {OPTION_VALUE_MAX} characters [json-pointer:{at}/options/{index}/value]"


def _confirm_faults(confirm: Any, at: str) -> Iterator[str]:
    if not isinstance(confirm, dict):
        yield f"must be an object [json-pointer:{at}]"
        return
    for name, most in CONFIRM_MAX.items():
        yield from text_faults(confirm.get(name), f"{at}/{name}", most, plain=name != "text")
    if confirm.get("style") is not None and confirm["style"] not in STYLES:
        yield f"must be primary or danger [json-pointer:{at}/style]"
