"""`nightshift people`: the persons who may look, answer, approve and operate, and their keys."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.durations import seconds
from api.cli.screen import line, moment, pairs, print_json, table, warn
from api.cli.sources import print_key

ROLES = "viewer, responder, approver, operator or admin; break-glass for a person of emergencies."
Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]
app = typer.Typer(name="people", help="Persons, their roles and keys.", rich_markup_mode=None)


@lists(app)
def show_list(as_json: Json = False) -> None:
    """List the persons."""
    page = client.get("/people")
    if as_json:
        print_json(page)
        return
    rows = [(p["name"], p["role"], _state(p), moment(p.get("created_at"))) for p in page["people"]]
    table(("name", "role", "", "added (UTC)"), rows, empty="Nobody. Add one with: nightshift people add NAME --role")


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one person, and by what they can show who they are."""
    person = client.get(path_of(name))
    if as_json:
        print_json(person)
        return
    factor = f"since {moment(person['second_factor_since'])} UTC, {person['recovery_codes']} recovery codes left"
    facts = [
        ("State", _state(person) or "works here"),
        ("Teams", ", ".join(person["teams"]) or "none"),
        ("Password", f"set {moment(person['password_set_at'])} UTC" if person["password_set_at"] else "none"),
        ("Second factor", factor if person["second_factor_since"] else "none"),
        *(("Key", _key(key)) for key in person["keys"]),
    ]
    pairs(f"{person['name']} ({person['role']})", facts)


@app.command()
def add(
    name: str,
    role: Annotated[str, typer.Option("--role", help=ROLES)],
    as_json: Json = False,
) -> None:
    """Add a person and print their key, once."""
    print_key(client.post("/people", {"name": name, "role": role}), as_json)


@app.command()
def role(name: Name, to: Annotated[str, typer.Argument(metavar="ROLE", help=ROLES)], as_json: Json = False) -> None:
    """Let a person do more or less, at once."""
    person = client.put(path_of(name), {"role": to})
    if as_json:
        print_json(person)
    else:
        line(f"{person['name']} is {person['role']} now")


@app.command()
def deactivate(name: Name, as_json: Json = False) -> None:
    """Somebody leaves: what opened ends at once, what they did stays."""
    _switched(client.post(f"{path_of(name)}/deactivate", {}), as_json)


@app.command()
def activate(name: Name, as_json: Json = False) -> None:
    """Somebody comes back; their old keys stay ended."""
    _switched(client.post(f"{path_of(name)}/activate", {}), as_json)


@app.command()
def keys(name: Name, as_json: Json = False) -> None:
    """List the keys of a person by their last characters."""
    page = client.get(f"{path_of(name)}/keys")
    if as_json:
        print_json(page)
        return
    columns = ("id", "ends with", "label", "made by", "made (UTC)", "expires (UTC)")
    rows = [
        (k["id"], k["hint"], k["label"], k["created_by"] or None, moment(k["created_at"]), moment(k["expires_at"]))
        for k in page["keys"]
    ]
    table(columns, rows, empty=f"None. Make one with: nightshift people key {name}")


@app.command()
def key(
    name: Name,
    label: Annotated[str, typer.Option(help="Where it is kept.")] = "",
    lasts: Annotated[str, typer.Option("--for", help="How long it works, such as 12h or 30d.")] = "",
    as_json: Json = False,
) -> None:
    """Make a key for a person and print it, once."""
    expires = {"expires_s": seconds(lasts)} if lasts else {}
    print_key(client.post(f"{path_of(name)}/keys", {"label": label, **expires}), as_json)


@app.command()
def revoke(
    name: Name,
    which: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or its last four characters.")],
    as_json: Json = False,
) -> None:
    """End a key at once."""
    found = [k for k in client.get(f"{path_of(name)}/keys")["keys"] if which in (k["id"], k["hint"])]
    if len(found) != 1:
        raise Trouble(
            f"{name} has {'no' if not found else 'more than one'} key {which!r}: nightshift people keys {name}"
        )
    left = client.post(f"{path_of(name)}/keys/{found[0]['id']}/revoke", {})
    if as_json:
        print_json(left)
    else:
        line(f"The key …{found[0]['hint']} of {name} is revoked")


@app.command()
def enrolment(name: Name, as_json: Json = False) -> None:
    """Print a one-time token, once, with which a person sets a password within a day."""
    made = client.post(f"{path_of(name)}/enrolment", {})
    if as_json:
        print_json(made)
        return
    warn(f"{name}: hand this over, it works once and until {moment(made['expires_at'])} UTC: nightshift enrol")
    line(made["token"])


@app.command("end-sessions")
def end_sessions(name: Name, as_json: Json = False) -> None:
    """Log a person out everywhere; keys stay."""
    ended = client.post(f"{path_of(name)}/end-sessions", {})
    if as_json:
        print_json(ended)
    else:
        line(f"{name}: {ended['ended']} sessions ended")


@app.command("reset-second-factor")
def reset_second_factor(name: Name, as_json: Json = False) -> None:
    """Let somebody who lost phone and recovery codes log in with the password alone."""
    person = client.post(f"{path_of(name)}/reset-second-factor", {})
    if as_json:
        print_json(person)
    else:
        line(f"{name} has no second factor now")


def path_of(name: str) -> str:
    """Where the API has a person."""
    if not name.strip() or name in (".", ".."):
        raise Trouble(f"{name!r} is not the name of a person. List them with: nightshift people")
    return f"/people/{quote(name, safe='')}"


def _state(person: Mapping[str, Any]) -> str:
    return f"deactivated {moment(person['disabled_at'])}" if person["disabled_at"] else ""


def _key(key: Mapping[str, Any]) -> str:
    until = f"until {moment(key['expires_at'])} UTC" if key["expires_at"] else "until it is revoked"
    return f"…{key['hint']} {key['label']} {until}"


def _switched(person: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(person)
    else:
        line(f"{person['name']} {'is deactivated' if person['disabled_at'] else 'works here'}")
