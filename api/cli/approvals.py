"""`nightshift approvals`: read the card, then approve or reject exactly that."""

from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import REFUSED, Json, Trouble, lists
from api.cli.screen import line, moment, pairs, print_json, table, warn

app = typer.Typer(name="approvals", help="What waits for a person's yes or no.", rich_markup_mode=None)
SHORT_ID_CHARS = 13  # the part of a UUIDv7 that is its time in milliseconds
Id = Annotated[str, typer.Argument(metavar="ID", help="The approval's id, or a part from its beginning.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@lists(app)
def show_list(
    state: Annotated[str, typer.Option(help="pending, approved, rejected, expired, superseded, consumed, all.")] = (
        "pending"
    ),
    as_json: Json = False,
) -> None:
    """List approvals, newest first."""
    page = client.get("/approvals", state=state, limit=100)
    if as_json:
        print_json(page)
        return
    rows = [
        (a["id"][:SHORT_ID_CHARS], f"#{a['incident_number']}", a["state"], a["card"].get("action"),
         a["card"].get("target"), f"{a['votes']}/{a['needed']}", moment(a["expires_at"]))
        for a in page["items"]
    ]  # fmt: skip
    table(("id", "incident", "state", "action", "target", "votes", "expires (UTC)"), rows, empty="Nothing waits.")


@app.command()
def show(approval: Id, as_json: Json = False) -> None:
    """Show the card: what exactly would be done, and why."""
    found = _find(approval)
    if as_json:
        print_json(found)
    else:
        _card(found)


@app.command()
def approve(
    approval: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show the card, ask, and approve exactly that."""
    found = _find(approval)
    if not (yes and as_json):
        _card(found, to_stderr=as_json)
    if not yes and not typer.confirm("Approve exactly this?", err=True):
        warn("Nothing was decided.")
        raise typer.Exit(REFUSED)
    _decide(found, "approve", reason, as_json)


@app.command()
def reject(
    approval: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why not; the agent learns from it.")],
    as_json: Json = False,
) -> None:
    """Reject it, and say why."""
    _decide(_find(approval), "reject", reason, as_json)


@app.command()
def edit(
    approval: Id,
    parameter: Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help="A parameter to change.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    as_json: Json = False,
) -> None:
    """Change the action. A new approval takes the place of this one, and somebody has to decide on that."""
    found = _find(approval)
    given = found["card"].get("arguments", {})
    changed = dict(_parameter(text, given) for text in parameter)
    body = {"parameters": changed, "reason": reason, "intent_hash": found["intent_hash"]}
    made = client.post(f"/approvals/{found['id']}/edit", body)
    if as_json:
        print_json(made)
        return
    _card(made)
    line(f"superseded {found['id'][:SHORT_ID_CHARS]}; {made['id'][:SHORT_ID_CHARS]} waits for {made['needed']}")


@app.command()
def withdraw(
    approval: Id, reason: Annotated[str, typer.Option("--reason", help="Why.")], as_json: Json = False
) -> None:
    """Take it back before it has begun."""
    answer = client.post(f"/approvals/{_find(approval)['id']}/withdraw", {"reason": reason})
    print_json(answer) if as_json else line(answer["state"])


@app.command("break-glass")
def break_glass(
    approval: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why it cannot wait; everybody reads it.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Approve alone, for everybody who is needed. Loud: every channel is told."""
    found = _find(approval)
    _card(found, to_stderr=as_json)
    if not yes and not typer.confirm("Break the glass for exactly this? Everybody will be told.", err=True):
        warn("Nothing was decided.")
        raise typer.Exit(REFUSED)
    body = {"reason": reason, "intent_hash": found["intent_hash"]}
    answer = client.post(f"/approvals/{found['id']}/break-glass", body)
    print_json(answer) if as_json else line(answer["state"])


def _parameter(text: str, given: dict[str, Any]) -> tuple[str, str | int]:
    name, equals, value = text.partition("=")
    if not equals or name not in given:
        raise Trouble(f"{text!r} is not NAME=VALUE with one of: {', '.join(given) or 'no parameters'}")
    return name, int(value) if value.lstrip("-").isdigit() else value


def _decide(found: dict[str, Any], verdict: str, reason: str, as_json: bool) -> None:
    body = {"verdict": verdict, "reason": reason, "intent_hash": found["intent_hash"]}
    answer = client.post(f"/approvals/{found['id']}/decision", body)
    if as_json:
        print_json(answer)
        return
    left = answer["needed"] - answer["votes"]
    more = f"; {left} more must agree" if answer["state"] == "pending" and left > 0 else ""
    line(f"{answer['state']}{more}")


def _find(part: str) -> dict[str, Any]:
    """The one approval whose id begins so."""
    wanted = part.lower()
    if not wanted or not wanted.replace("-", "").isalnum():
        raise Trouble(f"{part!r} is not the id of an approval. List them with: nightshift approvals")
    if len(wanted) == 36:
        found: dict[str, Any] = client.get(f"/approvals/{wanted}")
        return found
    hits = [a["id"] for a in client.every("/approvals", state="all", limit=200) if a["id"].startswith(wanted)]
    if not hits:
        raise Trouble(f"No approval's id begins with {part!r}. List them with: nightshift approvals list --state all")
    if len(hits) > 1:
        raise Trouble(f"{len(hits)} approvals begin with {part!r}: {', '.join(hits[:5])}. Write more of the id.")
    only: dict[str, Any] = client.get(f"/approvals/{hits[0]}")
    return only


def _card(found: dict[str, Any], *, to_stderr: bool = False) -> None:
    from core.card import card_lines

    title = f"Approval {found['id'][:SHORT_ID_CHARS]} · #{found['incident_number']} · {found['state']}"
    pairs(title, card_lines(found["card"]), to_stderr=to_stderr)
