"""`nightshift oncall` and `nightshift rota`: who is called now, and by which plan."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.durations import seconds
from api.cli.screen import line, moment, pairs, print_json, table

SHIFT = "FROM-TO=PERSON,PERSON...: 'mon 09:00-mon 09:00=early,night' is a week each in turn. Again for more."
Name = Annotated[str, typer.Argument(metavar="ROTA", help="The rota's name.")]
Shifts = Annotated[list[str], typer.Option("--shift", help=SHIFT)]
Zone = Annotated[str, typer.Option(help="The time zone of the shifts, such as Europe/Berlin.")]
Team = Annotated[str | None, typer.Option(help="Whose it is; without it that of the whole house.")]
Fallback = Annotated[str, typer.Option(help="Who is on call where nobody is planned.")]
FirstDay = Annotated[str, typer.Option("--first-day", help="No shift begins before; turns count from its week.")]
_SHIFT = re.compile(r"\s*(\w{3} \d\d:\d\d)\s*-\s*(\w{3} \d\d:\d\d)\s*=(.+)")
app = typer.Typer(name="rota", help="Who is on call when.", rich_markup_mode=None)


def oncall(
    service: Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="Only whom to call for it.")] = None,
    at: Annotated[str | None, typer.Option(help="At this moment, such as 2026-03-07T22:00:00+01:00.")] = None,
    as_json: Json = False,
) -> None:
    """Say who is on call now."""
    page = client.get("/oncall", service=service, at=at)
    if as_json:
        print_json(page)
    elif service and page["on_call"]:
        line(page["on_call"][0]["person"])
    elif service:
        raise Trouble(f"No rota says whom to call for {service}: nightshift rota add --help", 2)
    else:
        rows = [(o["person"], o["rota"], o["team"], _why(o), moment(o["until"])) for o in page["on_call"]]
        table(("on call", "rota", "team", "why", "until (UTC)"), rows, empty="No rota. See: nightshift rota add --help")


@lists(app)
def show_list(as_json: Json = False) -> None:
    """List the rotas."""
    page = client.get("/rotas")
    if as_json:
        print_json(page)
        return
    rows = [(r["name"], r["team"], r["zone"], len(r["shifts"]), r["fallback"], r["updated_by"]) for r in page["rotas"]]
    columns = ("rota", "team", "zone", "shifts", "fallback", "by")
    table(columns, rows, empty="None. Add one with: nightshift rota add NAME --shift --fallback")


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one rota."""
    rota = client.get(_path(name))
    if as_json:
        print_json(rota)
        return
    shifts = [("Shift", f"{s['from']} to {s['to']}: {', '.join(s['people'])}") for s in rota["shifts"]]
    overrides = [
        ("Override", f"{o['person']} {moment(o['starts_at'])} to {moment(o['ends_at'])} UTC {o['reason']} ({o['id']})")
        for o in rota["overrides"]
    ]
    facts = [("Team", rota["team"] or "the whole house"), ("Zone", rota["zone"]), ("First day", rota["first_day"])]
    written = ("Written", f"version {rota['version']} by {rota['updated_by']}, {moment(rota['updated_at'])} UTC")
    pairs(rota["name"], [*facts, *shifts, ("Otherwise", rota["fallback"]), *overrides, written])


@app.command()
def add(
    name: Name,
    shift: Shifts,
    fallback: Fallback,
    first_day: FirstDay,
    zone: Zone = "UTC",
    team: Team = None,
    as_json: Json = False,
) -> None:
    """Add a rota."""
    body = _body(shift, fallback, first_day, zone, team)
    _told(client.post("/rotas", {"name": name, **body}), as_json)


@app.command()
def change(
    name: Name,
    shift: Annotated[list[str] | None, typer.Option("--shift", help=SHIFT)] = None,
    fallback: Annotated[str | None, typer.Option(help="Who is on call where nobody is planned.")] = None,
    first_day: Annotated[str | None, typer.Option("--first-day", help="No shift begins before.")] = None,
    zone: Annotated[str | None, typer.Option(help="The time zone of the shifts.")] = None,
    team: Team = None,
    as_json: Json = False,
) -> None:
    """Change what is given; the rest stays. Shifts are given whole."""
    kept = client.get(_path(name))
    body = {
        "shifts": [_read_shift(text) for text in shift] if shift else kept["shifts"],
        "fallback": fallback or kept["fallback"], "first_day": first_day or kept["first_day"],
        "zone": zone or kept["zone"], "team": team or kept["team"],
    }  # fmt: skip
    _told(client.put(_path(name), body), as_json)


@app.command()
def remove(name: Name) -> None:
    """Remove a rota with its overrides."""
    client.delete(_path(name))
    line(f"{name} is removed")


@app.command()
def override(
    name: Name,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Who stands in.")],
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 4h or 2d.")],
    starts: Annotated[
        str | None, typer.Option("--from", help="Such as 2026-03-07T22:00:00+01:00; now without.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: Json = False,
) -> None:
    """Let somebody stand in for whoever it would be."""
    from datetime import UTC, datetime, timedelta

    try:
        begin = datetime.fromisoformat(starts) if starts else datetime.now(UTC)
    except ValueError:
        begin = datetime.min  # noqa: DTZ901
    if begin.tzinfo is None:
        raise Trouble(f"{starts!r}: write a moment with its offset, such as 2026-03-07T22:00:00+01:00", 2)
    ends = (begin + timedelta(seconds=seconds(lasts))).isoformat()
    body = {"person": person, "ends_at": ends, "reason": reason, **({"starts_at": begin.isoformat()} if starts else {})}
    made = client.post(f"{_path(name)}/overrides", body)
    if as_json:
        print_json(made)
    else:
        line(f"{made['id']}: {person} stands in until {moment(made['ends_at'])} UTC")


@app.command("end-override")
def end_override(name: Name, which: Annotated[str, typer.Argument(metavar="OVERRIDE")], as_json: Json = False) -> None:
    """End an override now."""
    rota = client.post(f"{_path(name)}/overrides/{quote(which, safe='')}/end", {})
    if as_json:
        print_json(rota)
    else:
        line(f"{which} is over")


def _body(shifts: list[str], fallback: str, first_day: str, zone: str, team: str | None) -> dict[str, Any]:
    read = [_read_shift(text) for text in shifts]
    return {"shifts": read, "fallback": fallback, "first_day": first_day, "zone": zone, "team": team}


def _read_shift(text: str) -> dict[str, Any]:
    found = _SHIFT.fullmatch(text)
    if found is None:
        raise Trouble(f"{text!r}: write a shift as {SHIFT}")
    return {"from": found[1], "to": found[2], "people": [name.strip() for name in found[3].split(",")]}


def _why(answer: Mapping[str, Any]) -> str:
    return str(answer["reason"]).replace("_", " ")


def _path(name: str) -> str:
    return f"/rotas/{quote(name, safe='')}"


def _told(rota: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(rota)
    else:
        line(f"{rota['name']}: {len(rota['shifts'])} shifts, version {rota['version']}")
