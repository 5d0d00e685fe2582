"""`nightshift logs`: search the lines of watched log files."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json
from api.cli.screen import line, moment, print_json, table, warn

WORDS = typer.Argument(metavar="[WORD]...", help="Words that a line has to contain, in any case.")


def logs(
    words: Annotated[list[str] | None, WORDS] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    level: Annotated[list[str] | None, typer.Option(help="Only this level: error, warn, ... May be repeated.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="ISO time; an hour before the end without it.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="ISO time; now without it.")] = None,
    limit: Annotated[int, typer.Option(help="How many lines at most.", min=1, max=1000)] = 100,
    watches: Annotated[bool, typer.Option("--watches", help="Show the watched folders instead.")] = False,
    as_json: Json = False,
) -> None:
    """Search log lines; the newest come last, as in a file."""
    if watches:
        _watches(as_json)
        return
    asked = {
        "service": service,
        "from": start,
        "to": end,
        "level": level or None,
        "text": " ".join(words or ()) or None,
    }
    page = client.get("/logs", limit=limit, **asked)
    if as_json:
        print_json(page)
        return
    for found in reversed(page["items"]):
        line(f"{moment(found['at'])}  {found['service']}  {found['file']}  {found['text']}")
    if page["reason"] or not page["items"]:
        warn(page["reason"] or "No such line in that range.")


def _watches(as_json: bool) -> None:
    page = client.get("/logs/watches")
    if as_json:
        print_json(page)
        return
    rows = [(w["watch"], w["files"], moment(w["seen_at"]), "; ".join(w["faults"])) for w in page["items"]]
    table(("watch", "files", "read at (UTC)", "faults"), rows, empty="No folder is watched. Add one under logs.")
