"""`nightshift channels`: where people are told, and a test message to each."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json, lists
from api.cli.screen import line, moment, print_json, table, warn

app = typer.Typer(name="channels", help="Where people are told.", rich_markup_mode=None)


@lists(app)
def show_list(as_json: Json = False) -> None:
    """List the channels, and whether their messages get through."""
    page = client.get("/channels")
    if as_json:
        print_json(page)
        return
    rows = [
        [c["id"], c["kind"], c["chat"], c["language"], str(c["pending"]), str(c["failed"]),
         moment(c["last_sent_at"]), c["last_error"]]
        for c in page["items"]
    ]  # fmt: skip
    columns = ["channel", "kind", "chat", "language", "waiting", "given up", "last sent", "last fault"]
    table(columns, rows, empty="No channels: describe one under `channels` in the site file.")


@app.command("test")
def try_out(channel: Annotated[str, typer.Argument(metavar="CHANNEL")], as_json: Json = False) -> None:
    """Send a test message; exit code 1 where it does not arrive."""
    tried = client.post(f"/channels/{channel}/test", {})
    if as_json:
        print_json(tried)
    elif tried["ok"]:
        line(f"It arrived in {channel}, from {tried['who']}.")
    else:
        warn(f"{channel}: {tried['detail']}")
    if not tried["ok"]:
        raise typer.Exit(1)
