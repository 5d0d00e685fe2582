"""Block Kit's rich text: parts that hold texts, links and the like; no character of a text means anything."""

from collections.abc import Iterator
from typing import Any

PARTS = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list"})
PIECES = frozenset({"text", "link", "user", "usergroup", "channel", "emoji", "broadcast", "color", "date"})
STYLES = frozenset({"bold", "italic", "strike", "code", "underline"})


def rich_text_faults(block: Any, at: str) -> Iterator[str]:
    """Faults of one rich text block; everywhere a number is missing in the reference, the house has none either."""
    parts = block.get("elements")
    if not isinstance(parts, list) or not parts:
        yield f"must have at least 1 element [json-pointer:{at}/elements]"
        return
    for index, part in enumerate(parts):
        here = f"{at}/elements/{index}"
        if not isinstance(part, dict) or part.get("type") not in PARTS:
            yield f"unsupported type [json-pointer:{here}/type]"
            continue
        pieces = part.get("elements")
        if not isinstance(pieces, list) or not pieces:
            yield f"must have at least 1 element [json-pointer:{here}/elements]"
        elif part["type"] != "rich_text_list":
            for number, piece in enumerate(pieces):
                yield from _piece_faults(piece, f"{here}/elements/{number}")


def _piece_faults(piece: Any, at: str) -> Iterator[str]:
    if not isinstance(piece, dict) or piece.get("type") not in PIECES:
        yield f"unsupported type [json-pointer:{at}/type]"
    elif piece["type"] == "text" and (not isinstance(piece.get("text"), str) or not piece["text"]):
        yield f"must be more than 0 characters [json-pointer:{at}/text]"
    elif piece.get("style") is not None:
        style = piece["style"]
        good = isinstance(style, dict) and set(style) <= STYLES and all(isinstance(one, bool) for one in style.values())
        if not good:
            yield f"must be an object of true and false [json-pointer:{at}/style]"
