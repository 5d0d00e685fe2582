"""The demo's voice in the terminal."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from core.plain_text import cut, visible

WIDTH_ELSEWHERE = 110
NIGHTSHIFT = Path(sys.executable).parent / "nightshift"


class Narrator:
    """Prints with rich; asks the person, or answers for scripts."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes
        self._out = Console(highlight=False, record=True, width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._out.show_cursor(True)

    def opening(self, timings: Mapping[str, Any]) -> None:
        """What is about to run, and what was shortened for it."""
        self._out.rule("[bold]Nightshift")
        self._out.print(
            "No Docker, no key, no model: embedded PostgreSQL, Nightshift, and a real shop on this machine."
        )
        shown = ", ".join(f"{name} {value}" for name, value in timings.items())
        self._out.print(f"[dim]Shortened for the demo: {shown}[/]")

    def act(self, heading: str, what: str) -> None:
        """A new act; a picture begins here."""
        self._out.export_text(clear=True)
        self._out.print()
        self._out.print(f"[bold yellow]{heading}[/]  [bold]{what}[/]")

    def picture(self, path: Path) -> None:
        """Save what this act has printed as an SVG."""
        svg = self._out.export_svg(title="nightshift demo", clear=False)
        # The fonts of whoever looks at it are good enough; a picture fetches nothing.
        path.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL))

    def info(self, text: str) -> None:
        """A plain remark."""
        self._out.print(f"  [dim]{_safe(text)}[/]")

    def paged(self, number: int, title: str) -> None:
        """The first thing a person hears."""
        self._out.print(f"  [bold red]page[/]  #{number} {_safe(title)}")

    def storm(self, alerts: int, pages: int) -> None:
        """How many alerts became how many pages."""
        self._out.print(f"  [bold]{alerts} alerts -> 1 incident, {pages} page{'s' if pages != 1 else ''}[/]")

    def timeline(self, row: Mapping[str, Any]) -> None:
        """One row of the incident's timeline."""
        text = _words(row)
        if text:
            line = Table.grid(padding=(0, 1))
            line.add_column(width=20)
            line.add_row(f"  [cyan]{row['kind']}[/]", _safe(text))
            self._out.print(line)

    def card(self, lines: Sequence[tuple[str, str]]) -> None:
        """The approval card, as every surface shows it."""
        table = Table.grid(padding=(0, 2))
        for label, text in lines:
            table.add_row(f"[bold]{label}[/]", _safe(text))
        width = min(118, self._out.width)
        self._out.print(Panel(table, title="Approve this action?", border_style="yellow", width=width))

    async def ask(self, url: str, key: str, approval_id: str) -> bool:
        """The person's answer: y or n on this terminal. Without a terminal it waits for an answer from elsewhere."""
        if self._yes:
            self._out.print("  approve? \\[y/n] [bold green]y[/] [dim](--yes)[/]")
            return True
        self._out.print("  [dim]or from a second terminal:[/]")
        other = f"NIGHTSHIFT_URL={url} NIGHTSHIFT_TOKEN={key} {NIGHTSHIFT} approvals approve {approval_id}"
        self._out.print(f"  [dim]{other}[/]", soft_wrap=True)
        if not sys.stdin.isatty():
            self._out.print("  [dim]no terminal here: waiting for that (or start the demo with --yes)[/]")
            await asyncio.Event().wait()
        self._out.print("  approve? \\[y/n] ", end="")
        return (await _line()).strip().lower() in ("y", "yes")

    def result(self, state: str) -> None:
        """How an execution ended."""
        self._out.print(f"  [bold green]execution: {state}[/]")

    def log_line(self, line: str) -> None:
        """What the attacker got into the log."""
        self._out.print(f"  [dim]shop-1.log:[/] {_safe(cut(line, 200))}")

    def refused(self, playbook: str, status: int, said: Mapping[str, Any]) -> None:
        """What the gate answered to the attacker's wish."""
        colour = "green" if status == 403 else "red"
        reason, detail = said.get("reason", "?"), said.get("detail", "")
        self._out.print(f"  [bold {colour}]{status}[/] {playbook} by [bold]{_safe(reason)}[/] - {_safe(detail)}")

    def unknown(self) -> None:
        """The honest word."""
        self._out.print("  [bold magenta]unknown[/]: it may have run; it is not tried again; only the target is asked")

    def once(self, received: int, state: str) -> None:
        """What the target itself says."""
        self._out.print(f"  the target's own log: [bold]{received} call[/] under this approval; now {state}")

    def last_line(self, figures: Mapping[str, Any], seconds: float, url: str) -> None:
        """The summary, from measured values only, and where to go next."""
        self._out.print()
        self._out.rule(f"[bold]the end, after {seconds:.0f} s", align="left")
        self._out.print(
            f"{figures['alerts']} alerts -> {figures['pages']} pages · injection {figures['injection']} · "
            f"{figures['doubled']} doubled actions · {figures['tokens']} tokens"
        )
        self._out.print(
            "[dim]Next: `make up` starts it for real use, API docs at http://127.0.0.1:8080/docs. The README says how "
            "to connect Prometheus, Alertmanager and a model; `nightshift demo --keep` leaves this demo running.[/]"
        )

    def kept(self, url: str, key: str, folder: Path) -> None:
        """How to look around in the demo that goes on."""
        self._out.print(f"Still running at {url} (docs: {url}/docs), files in {folder}. Ctrl-C ends it.")
        self._out.print(f"export NIGHTSHIFT_URL={url} NIGHTSHIFT_TOKEN={key}", soft_wrap=True)


def _words(row: Mapping[str, Any]) -> str:
    body = row["body"]
    match row["kind"]:
        case "recall" if "text" in body:
            return str(body["text"])
        case "recall":
            past = body.get("similar") or []
            return "; ".join(f"{p['incident']}: {p['lesson']}" for p in past[:2]) or "nothing like it was seen before"
        case "evidence":
            return str(body["statement"]) + (" (text an outsider can write)" if body["outsider"] else "")
        case "diagnosis":
            return f"{body['summary']}  Not known: {' '.join(body['unknowns']) or 'nothing'}"
        case "verdict":
            return f"{body['verdict']} ({row['reason']}): {body.get('signals') or body.get('cascade', '')}"
        case "learned":
            return f"{body['playbook']}: {body['record']}"
        case "execution.changed":
            return f"{body['from']} -> {body['to']} ({row['reason']})"
    return ""


def _safe(text: str) -> str:
    return visible(str(text)).replace("[", "\\[")


async def _line() -> str:
    """A line from the terminal, without a thread that would outlive Ctrl-C."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    number = sys.stdin.fileno()

    def read() -> None:
        if not answer.done():
            answer.set_result(os.read(number, 4096).decode("utf-8", "replace"))

    loop.add_reader(number, read)
    try:
        return await answer
    finally:
        loop.remove_reader(number)
