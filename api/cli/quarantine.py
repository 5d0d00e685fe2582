"""`nightshift quarantine`: what senders sent and nobody could use, readable."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.screen import line, moment, pairs, print_json, table

app = typer.Typer(name="quarantine", help="What came in and could not be used.", rich_markup_mode=None)


@lists(app)
def show_list(
    source: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only for this reason.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """List what could not be used, newest first."""
    page = client.get("/quarantine", source=source, reason=reason, limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [
        (one["id"], moment(one["received_at"]), one["source"], one["reason"], one["body_bytes"], one["detail"])
        for one in page["items"]
    ]
    table(("id", "received (UTC)", "source", "reason", "bytes", "why"), rows, empty="Nothing is in quarantine.")


@app.command()
def show(body: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Print one of them; the body goes to stdout, the rest to stderr."""
    if not body.replace("-", "").isalnum():
        raise Trouble(f"{body!r} is not an id. List them with: nightshift quarantine")
    found = client.get(f"/quarantine/{body}")
    if as_json:
        print_json(found)
        return
    facts = [("Received", f"{moment(found['received_at'])} UTC"), ("Reason", found["reason"]), ("Why", found["detail"])]
    pairs(found["source"], facts, to_stderr=True)
    line(found["body"])
