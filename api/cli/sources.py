"""`nightshift sources`: who sends alerts and changes, each with a key of its own."""

from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json
from api.cli.screen import line, moment, print_json, table, warn

app = typer.Typer(name="sources", help="Senders of alerts and changes.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        show_list(as_json=as_json)


@app.command("list")
def show_list(as_json: Json = False) -> None:
    """List the sources."""
    page = client.get("/sources")
    if as_json:
        print_json(page)
        return
    rows = [(s["name"], s["kind"], moment(s.get("created_at"))) for s in page["sources"]]
    table(("name", "kind", "added (UTC)"), rows, empty="No sources. Add one with: nightshift sources add NAME --kind")


@app.command()
def add(
    name: str,
    kind: Annotated[str, typer.Option("--kind", help="alertmanager, generic, changes, ...")],
    as_json: Json = False,
) -> None:
    """Add a source and print its key, once."""
    print_key(client.post("/sources", {"name": name, "kind": kind}), as_json)


def print_key(added: dict[str, Any], as_json: bool) -> None:
    """The only moment at which a key can be read."""
    if as_json:
        print_json(added)
        return
    warn(f"{added['name']}: keep this key, it is shown only now")
    line(added["key"])
