"""`nightshift silences`: what is not told for a while, by whose word, and why."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json, lists
from api.cli.durations import seconds
from api.cli.screen import line, moment, print_json, table

app = typer.Typer(name="silences", help="What is not told for a while.", rich_markup_mode=None)


@lists(app)
def show_list(
    ended: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False, as_json: Json = False
) -> None:
    """List the silences, newest first."""
    page = client.get("/silences", state="all" if ended else "current")
    if as_json:
        print_json(page)
        return
    rows = [
        (
            s["id"],
            s["state"],
            " ".join(s["body"]["matchers"]),
            moment(s["ends_at"]),
            s["created_by"],
            s["body"]["reason"],
        )
        for s in page["items"]
    ]
    columns = ("id", "state", "matchers", "until (UTC)", "by", "why")
    table(columns, rows, empty="No silences. Add one with: nightshift silences add service=cart --for 2h --reason WHY")


@app.command()
def add(
    matchers: Annotated[list[str], typer.Argument(metavar="MATCHER...", help="service=cart 'alertname=~Disk.*' ...")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads it at night.")],
    length: Annotated[str, typer.Option("--for", help="How long, such as 30m, 2h or 1d12h.")] = "1h",
    override: Annotated[str, typer.Option(help="too_broad: take it although it may match everything.")] = "",
    as_json: Json = False,
) -> None:
    """Silence the alerts that match all of these."""
    body = {"matchers": matchers, "reason": reason, "for_s": seconds(length), "override": override}
    made = client.post("/silences", body)
    if as_json:
        print_json(made)
        return
    line(f"{made['id']}: {made['state']} until {moment(made['ends_at'])} UTC")


@app.command()
def expire(silence: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """End a silence now; what still fires is told."""
    ended = client.post(f"/silences/{silence}/expire", {})
    if as_json:
        print_json(ended)
        return
    line(f"{ended['id']}: {ended['state']}")
