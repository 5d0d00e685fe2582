"""`nightshift executions`: what was done or not, and the word of somebody who has looked."""

from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.screen import line, moment, pairs, print_json, table

app = typer.Typer(name="executions", help="Actions: what was done, how it ended, and why.", rich_markup_mode=None)
SHORT_ID_CHARS = 13  # the part of a UUIDv7 that is its time in milliseconds
ID_CHARS = 36
Id = Annotated[str, typer.Argument(metavar="ID", help="The execution's id, or a part from its beginning.")]


@lists(app)
def show_list(
    state: Annotated[str, typer.Option(help="Only this state, as needs_human.")] = "", as_json: Json = False
) -> None:
    """List executions, newest first."""
    page = client.get("/executions", limit=100, **({"state": state} if state else {}))
    if as_json:
        print_json(page)
        return
    rows = [
        (e["id"][:SHORT_ID_CHARS], moment(e["created_at"]), e["state"], e["outcome"] or "", e["playbook_id"],
         e["resource_id"])
        for e in page["items"]
    ]  # fmt: skip
    table(("id", "since (UTC)", "state", "outcome", "playbook", "target"), rows, empty="Nothing was proposed yet.")


@app.command()
def show(execution: Id, as_json: Json = False) -> None:
    """Show every step on record."""
    found = _find(execution)
    if as_json:
        print_json(found)
        return
    shown = ("id", "playbook_id", "resource_id", "state", "outcome")
    pairs(f"execution {found['id'][:SHORT_ID_CHARS]}", [(name, str(found[name] or "")) for name in shown])
    rows = [(moment(a["at"]), a["to_state"], a["reason"], a["actor"]) for a in found["audit"]]
    table(("at (UTC)", "state", "why", "by"), rows, empty="Nothing is on record.")


@app.command()
def checked(
    execution: Id,
    reason: Annotated[str, typer.Option("--reason", help="What you saw; it is audited under your name.")],
    happened: Annotated[bool, typer.Option("--happened/--not-happened", help="Did it take effect, or help?")],
    as_json: Json = False,
) -> None:
    """I checked: say what you saw where nothing else could tell. It frees the resource."""
    answer = client.post(f"/executions/{_find(execution)['id']}/checked", {"happened": happened, "reason": reason})
    print_json(answer) if as_json else line(answer["state"])


def _find(part: str) -> dict[str, Any]:
    """The one execution whose id begins so."""
    wanted = part.lower()
    if not wanted or not wanted.replace("-", "").isalnum():
        raise Trouble(f"{part!r} is not the id of an execution. List them with: nightshift executions")
    hits = [wanted] if len(wanted) == ID_CHARS else _ids(wanted)
    if not hits:
        raise Trouble(f"No execution's id begins with {part!r}. List them with: nightshift executions")
    if len(hits) > 1:
        raise Trouble(f"{len(hits)} executions begin with {part!r}: {', '.join(hits[:5])}. Write more of the id.")
    only: dict[str, Any] = client.get(f"/executions/{hits[0]}")
    return only


def _ids(wanted: str) -> list[str]:
    return [e["id"] for e in client.every("/executions", limit=200) if e["id"].startswith(wanted)]
