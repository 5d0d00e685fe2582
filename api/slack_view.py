"""The desk's form as a Slack modal, and what comes back when it is sent."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.catalogue import Language, say
from core.phrases_slack import PHRASES
from core.plain_text import storable
from engine.desk_form import Field, Form
from tools.notify.slack_form import cut_to

CALLBACK = "desk"
ACTION = "text"
TITLE_MAX = 24
SENTENCE_MAX = 1_000
LABEL_MAX = 200
VALUE_MAX = 3_000
BLOCK_ID_MAX = 255
FIELDS_MAX = 40
COLUMNS_MIN = 4
"""What must be filled in says at least so much; a wide character counts twice."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The button that a form belongs to. Slack keeps it with the modal and hands it back as it was."""

    channel: str
    chat: str
    ref: str
    thread: str
    ticket: str
    verb: str
    kind: str
    url: str = ""

    def packed(self) -> str:
        """As the modal's metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: object) -> "Origin | None":
        """What `packed` made; None where it is anything else."""
        try:
            body = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            return None
        fields = set(cls.__dataclass_fields__)
        if not isinstance(body, dict) or set(body) != fields or not all(isinstance(one, str) for one in body.values()):
            return None
        return cls(**body)


def view_of(form: Form, origin: Origin, language: Language) -> dict[str, Any]:
    """A modal with an input for each field."""
    blocks: list[dict[str, Any]] = [{"type": "section", "text": _plain(cut_to(form.title, SENTENCE_MAX))}]
    for field in _shown(form.fields):
        element: dict[str, Any] = {"type": "plain_text_input", "action_id": ACTION, "multiline": field.is_long}
        element["max_length"] = VALUE_MAX
        if field.value:
            element["initial_value"] = field.value
        label, is_optional = _plain(cut_to(field.label or field.name, LABEL_MAX)), not field.is_needed
        blocks.append(
            {"type": "input", "block_id": field.name, "optional": is_optional, "label": label, "element": element}
        )
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": origin.packed(),
        "title": _plain(cut_to(say(PHRASES, f"form.{form.kind}", language), TITLE_MAX)),
        "submit": _plain(say(PHRASES, "form.submit", language)),
        "close": _plain(say(PHRASES, "form.close", language)),
        "blocks": blocks,
    }


def _shown(fields: Sequence[Field]) -> list[Field]:
    """The fields that Slack can show as they are: a value that would be cut there would come back as another one."""
    found: dict[str, Field] = {}
    for field in fields:
        fits = len(field.value) <= VALUE_MAX and field.value == storable(field.value)
        if fits and 0 < len(field.name) <= BLOCK_ID_MAX and len(found) < FIELDS_MAX:
            found.setdefault(field.name, field)
    return list(found.values())


def values_of(view: Mapping[str, Any]) -> dict[str, str]:
    """What was typed, by the name of the field."""
    state = view.get("state")
    blocks = state.get("values") if isinstance(state, dict) else None
    found: dict[str, str] = {}
    for name, inputs in (blocks if isinstance(blocks, dict) else {}).items():
        given = inputs.get(ACTION) if isinstance(inputs, dict) else None
        value = given.get("value") if isinstance(given, dict) else None
        found[str(name)] = value if isinstance(value, str) else ""
    return found


def inputs_of(view: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """The names of the inputs of a modal, and whether each must be filled in."""
    blocks = view.get("blocks")
    inputs = [one for one in blocks if isinstance(one, dict) and one.get("type") == "input"] if blocks else []
    return [(str(one.get("block_id", "")), not one.get("optional")) for one in inputs]


def too_short(view: Mapping[str, Any], values: Mapping[str, str], language: Language) -> dict[str, str]:
    """What is shown below the inputs that say too little."""
    said = say(PHRASES, "form.too_short", language)
    needed = [name for name, is_needed in inputs_of(view) if is_needed]
    return {name: said for name in needed if _columns(values.get(name, "").strip()) < COLUMNS_MIN}


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text or "…", "emoji": False}
