"""What a command prints: data on stdout, everything else on stderr. Rich is loaded only where a table is drawn."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.plain_text import cut, visible

WIDTH_WITHOUT_TERMINAL = 160
BAR_CELLS = 24
LINE_CHARS_MAX = 240


def print_json(value: Any) -> None:
    """Data for machines."""
    import json

    print(json.dumps(value, ensure_ascii=False, indent=2))


def line(text: str) -> None:
    """One line of data."""
    print(visible(text))


def warn(text: str) -> None:
    """One line that is no data: progress or trouble."""
    print(visible(text), file=sys.stderr)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """A table of plain texts; where there are no rows, say so on stderr."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, box=SIMPLE, pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text(_flat(str("-" if cell is None else cell))) for cell in row))
    if drawn.row_count:
        _console().print(drawn)
    else:
        warn(empty)


def pairs(title: str, rows: Iterable[tuple[str, str]], *, to_stderr: bool = False) -> None:
    """Labels and texts in a frame."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid("label", "text", padding=(0, 2))
    for label, text in rows:
        grid.add_row(Text(label, style="bold"), Text(_flat(text)))
    _console(to_stderr).print(Panel(grid, title=Text(_flat(title)), title_align="left", expand=False))


def bar(low: float, rate: float | None, high: float) -> str:
    """An interval of 0..1 on a scale, the rate as a dot in it; nothing tried is an empty scale."""
    if rate is None:
        return "[" + " " * BAR_CELLS + "]"
    first, dot, last = (min(int(value * BAR_CELLS), BAR_CELLS - 1) for value in (low, rate, high))
    cells = ["─" if first <= n <= last else " " for n in range(BAR_CELLS)]
    cells[dot] = "●"
    return "[" + "".join(cells) + "]"


def moment(text: str | None) -> str:
    """An ISO time to the second."""
    return text[:19].replace("T", " ") if text else "-"


def event_line(row: Mapping[str, Any]) -> str:
    """A row of a timeline for people."""
    why = f" ({row['reason']})" if row.get("reason") else ""
    body = row.get("body") or {}
    shown = ("text", "summary", "statement", "title", "detail", "to")
    said = cut(_flat(next((str(body[key]) for key in shown if body.get(key)), "")), LINE_CHARS_MAX)
    return f"{row['seq']:>4}  {moment(row['at'])}  {row['kind']}{why}  {said}".rstrip() + f"  · {row['actor']}"


def _flat(text: str) -> str:
    """One line: text from outside must not look like another row or label of ours."""
    return visible(" ".join(text.split()))


def _console(to_stderr: bool = False) -> Any:
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
