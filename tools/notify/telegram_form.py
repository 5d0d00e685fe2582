"""A message in Telegram's form: text, entities counted in UTF-16 units, a keyboard, and what goes along as a file.

Entities and never markup: no text from outside can break the formatting or pretend to be some. Bot API 10, "Formatting
options" and "InlineKeyboardButton".
"""

import re
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadInput
from core.message import Button, Message, Style, Tone
from core.plain_text import cut, storable, visible

TEXT_UNITS_MAX = 4_096
TITLE_UNITS_MAX = 300
FOOTER_UNITS_MAX = 500
CODE_UNITS_MIN = 400  # what is left of code where rows are long
ROWS_UNITS_MAX = 2_600
LABEL_UNITS_MAX = 100
ENTITIES_MAX = 100
FILE_CHARS_MAX = 4_000_000
CALLBACK_BYTES_MAX = 64
BUTTON_CHARS_MAX = 64
BUTTONS_PER_ROW_MAX = 8
BUTTONS_MAX = 100
TOPIC_UNITS_MAX = 128
PREFIX = "ns"
SIGNS = {Tone.BAD: "🔴", Tone.WAITING: "🟡", Tone.GOOD: "🟢", Tone.NEUTRAL: ""}
STYLES = {Style.PRIMARY: "success", Style.DANGER: "danger"}
WHOLE_NAME = "message.txt"
NOTHING = "—"
BELONGS = "• "  # what goes on with the row before
_MENTION = re.compile(r"(?<![\w@])@(?=\w{3})")
_WIDE = re.compile("[\u2e80-\u9fff\uff00-\uffef]$")

Entity = dict[str, Any]
Keyboard = list[list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Form:
    """What goes to Telegram. `file` is a name and a content: long output, or the whole of a text that was cut."""

    text: str
    entities: list[Entity] = field(default_factory=list)
    keyboard: Keyboard = field(default_factory=list)
    file: tuple[str, bytes] | None = None


def form_of(message: Message) -> Form:
    """The message within the limits; where its text is too long, the whole of it goes along as a file."""
    whole = _written(message, title=None, rows=None, code=None, footer=None)
    fits = units(whole.text) <= TEXT_UNITS_MAX
    kept = whole if fits else _shortened(message)
    text = kept.text or NOTHING
    file = (message.more_name, message.more) if message.more else None
    if not fits:
        file = (file[0], f"{whole.text}\n\n{file[1]}") if file else (WHOLE_NAME, whole.text)
    content = (file[0], cut(storable(file[1]), FILE_CHARS_MAX).encode()) if file else None
    return Form(text, kept.entities[:ENTITIES_MAX], keyboard_of(message), content)


def keyboard_of(message: Message) -> Keyboard:
    """The buttons, in rows that fit."""
    rows = [[_button(one) for one in row] for row in message.buttons]
    short = [
        row[start : start + BUTTONS_PER_ROW_MAX] for row in rows for start in range(0, len(row), BUTTONS_PER_ROW_MAX)
    ]
    return short[: BUTTONS_MAX // BUTTONS_PER_ROW_MAX]


def plain(text: str) -> str:
    """Text from anywhere, storable and with deceptive characters made visible, within the limit of one message."""
    return _clean(text, TEXT_UNITS_MAX) or NOTHING


def units(text: str) -> int:
    """Length in UTF-16 units, which is how Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut_units(text: str, units_max: int) -> str:
    """The beginning of a text, with an ellipsis where it was longer; never half of a character."""
    if units(text) <= units_max:
        return text
    raw = text.encode("utf-16-le", "surrogatepass")[: (units_max - 1) * 2]
    return raw.decode("utf-16-le", "ignore").rstrip() + "…"


def _shortened(message: Message) -> "_Sheet":
    """Code gives way first, then rows; title and footer stay."""
    bare = _written(message, title=TITLE_UNITS_MAX, rows=ROWS_UNITS_MAX, code=0, footer=FOOTER_UNITS_MAX)
    room = max(CODE_UNITS_MIN, TEXT_UNITS_MAX - units(bare.text) - 2)
    return _written(message, title=TITLE_UNITS_MAX, rows=ROWS_UNITS_MAX, code=room, footer=FOOTER_UNITS_MAX)


def _written(
    message: Message, *, title: int | None, rows: int | None, code: int | None, footer: int | None
) -> "_Sheet":
    sheet = _Sheet()
    if said := _clean(message.title, title):
        sheet.add(f"{SIGNS[message.tone]} ".lstrip())
        sheet.add(said, "bold")
    left, belongs = rows, False
    for label, raw in message.rows:
        text = _clean(raw, left)
        sheet.line()
        if name := _clean(label, LABEL_UNITS_MAX):
            sheet.add(name, "bold")
            sheet.add("：" if _WIDE.search(name) else ": ")
            belongs = True
        elif belongs:
            sheet.add(BELONGS)
        sheet.add(text)
        if left is not None and (left := left - units(text) - units(label) - 3) <= 0:
            break
    if code != 0 and (shown := _clean(message.code, code, is_code=True)):
        sheet.line()
        sheet.add(shown, "pre")
    if noted := _clean(message.footer, footer):
        sheet.line()
        sheet.add(noted, "italic")
    return sheet


@dataclass
class _Sheet:
    """Text that is being written, and where in it something stands out."""

    text: str = ""
    entities: list[Entity] = field(default_factory=list)

    def add(self, text: str, kind: str = "") -> None:
        if kind and text:
            self.entities.append({"type": kind, "offset": units(self.text), "length": units(text)})
        self.text += text

    def line(self) -> None:
        self.text = f"{self.text}\n" if self.text else ""


def _clean(text: str, units_max: int | None, *, is_code: bool = False) -> str:
    """Storable, without what deceives, and calling nobody: Telegram itself makes mentions of names outside code."""
    shown = visible(storable(text)).strip()
    shown = shown if is_code else _MENTION.sub("@\u2060", shown)
    return shown if units_max is None else cut_units(shown, max(units_max, 1))


def _button(button: Button) -> dict[str, Any]:
    form: dict[str, Any] = {"text": cut_units(visible(storable(button.words)).strip(), BUTTON_CHARS_MAX) or NOTHING}
    if button.style in STYLES:
        form["style"] = STYLES[button.style]
    data = f"{PREFIX}:{button.verb}:{button.ticket}"
    if len(data.encode()) > CALLBACK_BYTES_MAX:
        raise BadInput(f"The button {data!r} says more than {CALLBACK_BYTES_MAX} bytes.")
    return form | {"callback_data": data}
