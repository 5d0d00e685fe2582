"""Rates as a chart of plain text: n of N with its interval, aligned, in 80 columns and in pipes."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.cli.screen import BAR_CELLS, bar
from core.plain_text import visible

COLUMNS_MIN, COLUMNS_MAX, COLUMNS_IN_PIPES = 80, 120, 80
SCALE = "0 %".ljust(BAR_CELLS - 3) + "100 %"
GAP = "  "


def columns() -> int:
    """How wide a chart may be: the terminal's width within limits, 80 in a pipe."""
    if not sys.stdout.isatty():
        return COLUMNS_IN_PIPES
    return min(max(shutil.get_terminal_size().columns, COLUMNS_MIN), COLUMNS_MAX)


def chart(items: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    """A block for each playbook, a line for each kind of trouble; what is told apart stands below its line."""
    counts = max((len(item["words"]) for item in items), default=0)
    names = width - 2 * len(GAP) - len(GAP) - len(SCALE) - counts
    playbook = None
    for item in items:
        if item["playbook_id"] != playbook:
            if playbook is not None:
                yield ""
            playbook = item["playbook_id"]
            yield shortened(playbook, names + len(GAP)).ljust(names + len(GAP)) + GAP + SCALE
        name = shortened(item["signature"], names).ljust(names)
        drawn = bar(item["low"], item["rate"], item["high"])
        yield f"{GAP}{name}{GAP}{drawn}{GAP}{item['words']}".rstrip()
        if apart := _apart(item):
            yield f"{GAP * 2}{apart}"


def _apart(item: Mapping[str, Any]) -> str:
    said = (
        (item["returned"], f"back within 24 h: {item['returned']} of {item['helped']}"),
        (item["by_hand"], f"by hand: {item['by_hand']}"),
        (item["apart"], f"not counted: {item['apart']}"),
    )
    return " · ".join(text for count, text in said if count)


def shortened(text: str, width: int) -> str:
    """At most this long, by leaving out the middle: a signature is told by both its ends."""
    text = visible(" ".join(text.split()))
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
