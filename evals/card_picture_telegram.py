"""Telegram's page and card, drawn from their text, entities and keyboard."""

from dataclasses import replace

from core.message import Message
from evals.card_picture import PALE, Sheet, Span
from tools.notify.telegram_form import form_of

LOOKS = {"success": "primary", "danger": "danger"}


def draw(sheet: Sheet, message: Message) -> None:
    """A message as Telegram shows it: a look for each stretch of text, and rows of buttons as wide as the message."""
    form = form_of(message)
    raw, at = form.text.encode("utf-16-le"), 0
    line: list[Span] = []
    for entity in [*form.entities, {"type": "", "offset": len(raw) // 2, "length": 0}]:
        begin, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
        line.append(Span(raw[at:begin].decode("utf-16-le")))
        marked, at = raw[begin:end].decode("utf-16-le"), end
        if entity["type"] == "bold":
            line.append(Span(marked, is_bold=True))
            continue
        _write(sheet, line)
        line = []
        if entity["type"] == "pre":
            sheet.code(marked)
            sheet.gap()
        elif marked:
            sheet.text([Span(marked)], size=13, colour=PALE)
    for row in form.keyboard:
        sheet.buttons([(one["text"], LOOKS.get(one.get("style", ""), "")) for one in row], is_even=True)


def _write(sheet: Sheet, line: list[Span]) -> None:
    """Text between two blocks, without the line ends that they bring."""
    if any(span.text.strip() for span in line):
        line[0] = replace(line[0], text=line[0].text.removeprefix("\n"))
        line[-1] = replace(line[-1], text=line[-1].text.removesuffix("\n"))
        sheet.text(line)
