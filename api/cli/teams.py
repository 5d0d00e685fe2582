"""`nightshift teams`: who belongs together, and which services are theirs."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.screen import line, pairs, print_json, table

Name = Annotated[str, typer.Argument(metavar="TEAM", help="The team's name.")]
Purpose = Annotated[str | None, typer.Option(help="What it is for.")]
Members = Annotated[list[str] | None, typer.Option("--member", help="A person; again for more.")]
Services = Annotated[list[str] | None, typer.Option("--service", help="A service that is theirs; again for more.")]
Dropped = Annotated[list[str] | None, typer.Option("--drop", metavar="NAME", help="A member or service to take out.")]
app = typer.Typer(name="teams", help="Teams and the services they own.", rich_markup_mode=None)


@lists(app)
def show_list(as_json: Json = False) -> None:
    """List the teams."""
    page = client.get("/teams")
    if as_json:
        print_json(page)
        return
    rows = [(t["name"], _members(t), ", ".join(t["services"]), t["rota"]) for t in page["teams"]]
    table(("team", "members", "services", "rota"), rows, empty="None. Add one with: nightshift teams add NAME")


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one team."""
    team = client.get(_path(name))
    if as_json:
        print_json(team)
        return
    facts = [("Members", _members(team) or "none"), ("Services", ", ".join(team["services"]) or "none")]
    pairs(team["name"], [("For", team["purpose"] or "-"), *facts, ("Rota", team["rota"] or "none")])


@app.command()
def add(
    name: Name, purpose: Purpose = None, member: Members = None, service: Services = None, as_json: Json = False
) -> None:
    """Add a team."""
    body = {"name": name, "purpose": purpose or "", "members": member or [], "services": service or []}
    _told(client.post("/teams", body), as_json)


@app.command()
def change(
    name: Name,
    purpose: Purpose = None,
    member: Members = None,
    service: Services = None,
    drop: Dropped = None,
    as_json: Json = False,
) -> None:
    """Add members and services to a team, or take some out."""
    team = client.get(_path(name))
    out = set(drop or [])
    members = [one["name"] for one in team["members"]]
    if odd := sorted(out - {*members, *team["services"]}):
        raise Trouble(f"{odd[0]!r} does not belong to {name}; see: nightshift teams show {name}")
    body = {
        "purpose": team["purpose"] if purpose is None else purpose,
        "members": [one for one in [*members, *(member or [])] if one not in out],
        "services": [one for one in [*team["services"], *(service or [])] if one not in out],
    }
    _told(client.put(_path(name), body), as_json)


@app.command()
def remove(name: Name) -> None:
    """Remove a team; its members stay persons."""
    client.delete(_path(name))
    line(f"{name} is removed")


@app.command()
def owner(service: Annotated[str, typer.Argument(metavar="SERVICE")], as_json: Json = False) -> None:
    """Say whom to ask about a service."""
    found = client.get("/owner", service=service)
    if as_json:
        print_json(found)
    elif found["team"] is None:
        raise Trouble(f"Nobody owns {service}: nightshift teams change TEAM --service {service}", 2)
    else:
        line(f"{found['team']['name']}: {_members(found['team'])}")


def _members(team: Mapping[str, Any]) -> str:
    return ", ".join(member["name"] for member in team["members"])


def _path(name: str) -> str:
    return f"/teams/{quote(name, safe='')}"


def _told(team: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(team)
    else:
        line(f"{team['name']}: {len(team['members'])} members, {len(team['services'])} services")
