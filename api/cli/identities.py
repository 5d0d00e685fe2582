"""`nightshift identities`: the chat accounts that are you, or somebody else for an admin."""

import re
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.people import path_of
from api.cli.screen import line, moment, print_json, table, warn

Of = Annotated[str | None, typer.Option("--of", metavar="NAME", help="Of this person; for admins.")]
app = typer.Typer(name="identities", help="Chat accounts of persons.", rich_markup_mode=None)


@lists(app)
def show_list(of: Of = None, as_json: Json = False) -> None:
    """List the chat accounts that are you."""
    page = client.get(f"{_path(of)}/identities")
    if as_json:
        print_json(page)
        return
    rows = [(i["id"], i["platform"], i["workspace"], i["account"], moment(i["linked_at"])) for i in page["identities"]]
    columns = ("id", "platform", "workspace", "account", "linked (UTC)")
    table(columns, rows, empty="None. Link one with: nightshift identities link")


@app.command()
def link(as_json: Json = False) -> None:
    """Print a code, once, to type into a chat with Nightshift within ten minutes."""
    made: dict[str, Any] = client.post("/auth/link-code", {})
    if as_json:
        print_json(made)
        return
    warn(f"Type this into a chat with Nightshift before {moment(made['expires_at'])} UTC; it works once")
    line(made["code"])


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="ID", help="Of the list.")], of: Of = None, as_json: Json = False
) -> None:
    """This account is you no more."""
    if not re.fullmatch(r"[0-9a-f-]{32,36}", which):
        raise Trouble(f"{which!r} is not an id. List them with: nightshift identities")
    left = client.post(f"{_path(of)}/identities/{which}/revoke", {})
    if as_json:
        print_json(left)
    else:
        line(f"{which} is revoked")


def _path(of: str | None) -> str:
    return path_of(of) if of else "/auth"
