"""Slack's page and card, drawn from their blocks."""

from collections.abc import Mapping
from typing import Any

from core.catalogue import Language
from core.message import Message
from evals.card_picture import PALE, Sheet, Span
from tools.notify.slack_form import formed


def draw(sheet: Sheet, message: Message) -> None:
    """A message as Slack shows it."""
    sheet.text([Span("Nightshift", is_bold=True)])
    for block in formed(message, Language.EN).blocks:
        match block["type"]:
            case "header":
                sheet.gap(4)
                sheet.text([Span(block["text"]["text"], is_bold=True)], size=18)
            case "rich_text":
                for element in block["elements"]:
                    _rich(sheet, element)
            case "context":
                sheet.gap(2)
                sheet.text([Span(block["elements"][0]["text"])], size=12, colour=PALE)
            case "actions":
                row = [(one["text"]["text"], str(one.get("style", ""))) for one in block["elements"]]
                sheet.buttons(row)


def _rich(sheet: Sheet, element: Mapping[str, Any]) -> None:
    texts = element["elements"]
    if element["type"] == "rich_text_preformatted":
        sheet.code("".join(one["text"] for one in texts))
    else:
        sheet.text([Span(one["text"], is_bold=bool(one.get("style", {}).get("bold"))) for one in texts])
