"""`nightshift incidents`: list, show, acknowledge, assign, merge, split, resolve, comment, propose a fix, follow."""

from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.screen import event_line, line, moment, pairs, print_json, table, warn

app = typer.Typer(name="incidents", help="Incidents: what is wrong, and what is done about it.", rich_markup_mode=None)
Number = Annotated[str, typer.Argument(metavar="N", help="The incident's short number.")]
Say = Annotated[str, typer.Option("--reason", help="Why, for the timeline.")]


@lists(app)
def show_list(
    state: Annotated[str | None, typer.Option(help="Only this state: open, acknowledged, resolved, ...")] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Only those of this person.")] = None,
    storm: Annotated[int | None, typer.Option(help="Only those of the storm with this number.", min=1)] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=200)] = 20,
    as_json: Json = False,
) -> None:
    """List incidents, newest first."""
    page = client.get("/incidents", state=state, service=service, assignee=assignee, storm=storm, limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [
        (f"#{i['number']}", i["priority"], i["state"], _titled(i), f"{i['firing_count']}/{i['alert_count']}",
         moment(i["opened_at"]))
        for i in page["items"]
    ]  # fmt: skip
    table(("no", "prio", "state", "title", "firing", "opened (UTC)"), rows, empty="No incidents.")


def _titled(incident: dict[str, Any]) -> str:
    return f"{incident['title']} (storm #{incident['storm']})" if incident["storm"] else str(incident["title"])


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show one incident: alerts, diagnosis, executions."""
    incident = client.get(f"/incidents/{_ref(number)}")
    if as_json:
        print_json(incident)
        return
    pairs(f"#{incident['number']} {incident['title']}", _facts(incident))
    alerts = [
        (a["name"], a["service"], a["severity"], f"{a['firing']}/{a['alerts']}", a["unknown"] or "-")
        for a in incident["alerts"]
    ]
    table(("alert", "service", "severity", "firing", "unknown"), alerts, empty="No alerts.")
    if incident["aggregates"]:
        bursts = [
            (g["resource_id"], str(g["count"]), moment(g["began_at"]), moment(g["last_at"]))
            for g in incident["aggregates"]
        ]
        table(("aggregate of", "alerts", "began (UTC)", "last (UTC)"), bursts, empty="")
    runs = [(e["id"], e["playbook_id"], e["resource_id"], e["state"], e["outcome"]) for e in incident["executions"]]
    table(("execution", "playbook", "target", "state", "outcome"), runs, empty="Nothing was proposed yet.")


def _facts(incident: dict[str, Any]) -> list[tuple[str, str]]:
    body = (incident.get("diagnosis") or {}).get("body", {})
    unknowns = [("Not known" if n == 0 else "", str(text)) for n, text in enumerate(body.get("unknowns", []))]
    return [
        ("State", f"{_state(incident)} · {incident['priority']}"),
        ("Service", f"{incident['service']} in {incident['environment']}"),
        ("Assigned to", incident.get("assignee") or "nobody"),
        ("Opened", f"{moment(incident['opened_at'])} UTC, {incident['frequency']['words']}"),
        *([("Storm", f"storm #{incident['storm']}")] if incident["storm"] else []),
        *[("Flapping", f"{f['name']} since {moment(f['began_at'])} UTC") for f in incident["flapping"]],
        *_unrepeated(incident["unknown_count"]),
        ("Diagnosis", str(body.get("summary") or "not yet")),
        *unknowns,
    ]


def _unrepeated(count: int) -> list[tuple[str, str]]:
    said = f"{count} alerts are not repeated any more; that does not mean that they are over"
    return [("Unknown", said)] if count else []


@app.command()
def ack(number: Number, reason: Say = "", as_json: Json = False) -> None:
    """Say that somebody looks at it."""
    _changed(client.post(f"/incidents/{_ref(number)}/acknowledge", {"reason": reason}), as_json)


@app.command()
def resolve(number: Number, reason: Say = "", as_json: Json = False) -> None:
    """Say that it is over."""
    _changed(client.post(f"/incidents/{_ref(number)}/resolve", {"reason": reason}), as_json)


@app.command("fixed-by")
def fixed_by(
    number: Number,
    words: Annotated[str, typer.Argument(help="What was done, in words.")] = "",
    playbook: Annotated[str | None, typer.Option(help="The playbook that somebody carried out by hand.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Nobody did anything: it went away by itself.")] = False,
    as_json: Json = False,
) -> None:
    """Say what fixed it, after a repair by hand; it is counted apart from what Nightshift did."""
    if alone == bool(playbook or words.strip()):
        raise Trouble("say what was done in words or with --playbook, or --alone where nobody did anything")
    told = client.post(f"/incidents/{_ref(number)}/fixed-by", {"playbook_id": playbook, "words": words, "alone": alone})
    if as_json:
        print_json(told)
        return
    done = "it went away alone" if told["alone"] else " · ".join(filter(None, (told["playbook_id"], told["words"])))
    line(f"kept for {told['signature']}: {done}")


@app.command()
def reopen(number: Number, reason: Say = "", as_json: Json = False) -> None:
    """Say that it is not over after all."""
    _changed(client.post(f"/incidents/{_ref(number)}/reopen", {"reason": reason}), as_json)


@app.command()
def assign(
    number: Number,
    person: Annotated[str, typer.Argument(metavar="[PERSON]", help="Whoever looks after it.")] = "",
    nobody: Annotated[bool, typer.Option("--nobody", help="Take it from whoever has it.")] = False,
    reason: Say = "",
    as_json: Json = False,
) -> None:
    """Give it to a person, or to nobody."""
    if bool(person) == nobody:
        raise Trouble("Name a person, or say --nobody.")
    incident = client.post(f"/incidents/{_ref(number)}/assign", {"assignee": person or None, "reason": reason})
    if as_json:
        print_json(incident)
    else:
        line(f"#{incident['number']} is assigned to {incident['assignee'] or 'nobody'}")


@app.command()
def merge(
    number: Number,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The incident that takes its alerts.")],
    reason: Say = "",
    as_json: Json = False,
) -> None:
    """Move all its alerts into another incident, where it ends."""
    incident = client.post(f"/incidents/{_ref(number)}/merge", {"into": _ref(into), "reason": reason})
    if as_json:
        print_json(incident)
    else:
        line(f"#{number.removeprefix('#')} is merged into #{incident['number']}: {_alerts(incident)}")


@app.command()
def split(
    number: Number,
    matchers: Annotated[list[str] | None, typer.Argument(metavar="[MATCHER]...", help="service=db ...")] = None,
    alerts: Annotated[list[str] | None, typer.Option("--alert", metavar="ID", help="An alert; again for more.")] = None,
    reason: Say = "",
    as_json: Json = False,
) -> None:
    """Move the alerts that match all of these, or are named, into a new incident."""
    body = {"matchers": matchers or [], "alerts": alerts or [], "reason": reason}
    incident = client.post(f"/incidents/{_ref(number)}/split", body)
    if as_json:
        print_json(incident)
    else:
        line(f"#{incident['number']} is new: {_alerts(incident)}")


@app.command()
def story(number: Number, as_json: Json = False) -> None:
    """Print its timeline together with those of all that were merged into it."""
    path, after = f"/incidents/{_ref(number)}/story", None
    rows: list[dict[str, Any]] = []
    while True:
        page = client.get(path, after=after)
        rows += page["items"]
        if (after := page["next"]) is None:
            break
    if as_json:
        print_json({"items": rows})
        return
    for row in rows:
        line(f"#{row['incident']} {event_line(row)}")


@app.command()
def comment(number: Number, text: str, as_json: Json = False) -> None:
    """Write into the timeline."""
    row = client.post(f"/incidents/{_ref(number)}/comment", {"text": text})
    if as_json:
        print_json(row)
    else:
        line(f"written as number {row['seq']}")


@app.command()
def diagnose(number: Number, as_json: Json = False) -> None:
    """Have it investigated (again)."""
    _changed(client.post(f"/incidents/{_ref(number)}/diagnose", {}), as_json)


@app.command()
def propose(
    number: Number,
    playbook: Annotated[str, typer.Argument(help="The playbook's id.")],
    parameters: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...")] = None,
    reason: Say = "",
    as_json: Json = False,
) -> None:
    """Propose a fix yourself; it passes the same gate as the agent's."""
    given = _parameters(playbook, parameters or [])
    body = {"playbook_id": playbook, "parameters": given, "reason": reason}
    try:
        execution = client.post(f"/incidents/{_ref(number)}/propose", body)
    except Trouble as trouble:
        if as_json and trouble.problem:
            print_json(trouble.problem)
        raise
    if as_json:
        print_json(execution)
    else:
        line(f"execution {execution['execution_id']} is {execution['state']}")


def _parameters(playbook: str, words: list[str]) -> dict[str, str | int]:
    """NAME=VALUE words; whole numbers only where the playbook says so, for a version may look like a number."""
    pairs_ = [word.partition("=") for word in words]
    if wrong := [name for name, sign, _ in pairs_ if not (name and sign)]:
        raise Trouble(f"{wrong[0]!r}: write parameters as NAME=VALUE")
    rules: dict[str, Any] = client.get(f"/playbooks/{playbook}")["body"].get("parameters", {}) if words else {}
    whole = {name for name, rule in rules.items() if rule.get("kind") == "integer"}
    return {name: int(v) if name in whole and v.lstrip("-").isdecimal() else v for name, _, v in pairs_}


@app.command()
def follow(
    number: Number,
    after: Annotated[int, typer.Option(help="Begin after this number of the timeline.", min=0)] = 0,
    once: Annotated[bool, typer.Option("--once", help="Print what is there and end.")] = False,
    as_json: Json = False,
) -> None:
    """Print the timeline as it grows; --json prints one object a line. Ends with Ctrl-C."""
    import json

    path = f"/incidents/{_ref(number)}/events"
    if not once:
        warn("following; Ctrl-C ends it")
    for row in _there(path, after) if once else client.events(path, after):
        print(json.dumps(row, ensure_ascii=False), flush=True) if as_json else line(event_line(row))


def _there(path: str, after: int) -> Any:
    while True:
        page = client.get(path, follow="false", after=after)
        yield from page["items"]
        if page["next"] is None:
            return
        after = page["next"]


def _ref(number: str) -> str:
    """A number or id as it may stand in a path."""
    word = number.removeprefix("#")
    if not word.replace("-", "").isalnum():
        raise Trouble(f"{number!r} is not the number of an incident. List them with: nightshift incidents")
    return word


def _changed(incident: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(incident)
    else:
        line(f"#{incident['number']} is {incident['state']}")


def _state(incident: dict[str, Any]) -> str:
    into, source = incident.get("merged_into"), incident.get("split_from")
    return str(incident["state"]) + (f" into #{into}" if into else "") + (f", split from #{source}" if source else "")


def _alerts(incident: dict[str, Any]) -> str:
    return f"{incident['firing_count']} of {incident['alert_count']} alerts fire"
