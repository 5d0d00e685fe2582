"""`nightshift people`: the persons who may look, answer, approve and operate."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json
from api.cli.screen import moment, print_json, table
from api.cli.sources import print_key

app = typer.Typer(name="people", help="Persons and their roles.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        show_list(as_json=as_json)


@app.command("list")
def show_list(as_json: Json = False) -> None:
    """List the persons."""
    page = client.get("/people")
    if as_json:
        print_json(page)
        return
    rows = [(p["name"], p["role"], moment(p.get("created_at"))) for p in page["people"]]
    table(("name", "role", "added (UTC)"), rows, empty="Nobody. Add one with: nightshift people add NAME --role")


@app.command()
def add(
    name: str,
    role: Annotated[str, typer.Option("--role", help="viewer, responder, approver, operator or admin.")],
    as_json: Json = False,
) -> None:
    """Add a person and print their key, once."""
    print_key(client.post("/people", {"name": name, "role": role}), as_json)
