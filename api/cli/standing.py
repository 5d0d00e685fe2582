"""`nightshift auto`: who lets which playbook act unasked, within which limits, until when."""

from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.durations import seconds
from api.cli.screen import line, moment, print_json, table

app = typer.Typer(name="auto", help="Standing approvals: what may act without being asked.", rich_markup_mode=None)
SHORT_ID_CHARS = 13  # the part of a UUIDv7 that is its time in milliseconds
Why = Annotated[str, typer.Option("--reason", help="Why; it is audited.")]


@lists(app)
def show_list(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: Json = False,
) -> None:
    """List standing approvals, newest first."""
    page = client.get("/standing", all=str(everything).lower(), limit=200)
    if as_json:
        print_json(page)
        return
    rows = [
        (s["id"][:SHORT_ID_CHARS], f"{s['playbook_id']} v{s['playbook_version']}", s["person"],
         ", ".join(s["environments"]), ", ".join(s["services"]), f"{s['used_last_hour']}/{s['actions_per_hour_max']}",
         moment(s["expires_at"]) if s["is_live"] else _over(s), s["reason"])
        for s in page["items"]
    ]  # fmt: skip
    columns = ("id", "playbook", "by", "environments", "services", "this hour", "until (UTC)", "why")
    table(columns, rows, empty="Nothing acts unasked.")


@app.command()
def grant(
    playbook: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="The version that rules now.")],
    reason: Why,
    until: Annotated[str, typer.Option("--for", help="How long, such as 12h or 30d; at most 90d.")] = "30d",
    per_hour: Annotated[int, typer.Option("--per-hour", min=1, help="Actions in one hour, at most.")] = 1,
    service: Annotated[list[str] | None, typer.Option(help="Only for services like this; may be given twice.")] = None,
    environment: Annotated[list[str] | None, typer.Option(help="Only in environments like this.")] = None,
    as_json: Json = False,
) -> None:
    """Let a playbook act unasked, in your name, where it has helped often enough. The policy may still ask for more."""
    wanted: dict[str, Any] = {
        "playbook_id": playbook, "reason": reason, "expires_s": seconds(until), "actions_per_hour_max": per_hour,
        "services": service or ["*"], "environments": environment or ["*"],
    }  # fmt: skip
    made = client.post("/standing", wanted)
    if as_json:
        print_json(made)
    else:
        line(
            f"{made['playbook_id']} version {made['playbook_version']} may act unasked until "
            f"{moment(made['expires_at'])} UTC, in the name of {made['person']}: {made['id']}"
        )


@app.command()
def end(
    standing: Annotated[str, typer.Argument(metavar="ID", help="Its id, or a part from its beginning.")],
    reason: Why,
    as_json: Json = False,
) -> None:
    """Take it back, at once."""
    hits = [s["id"] for s in client.every("/standing", all="true", limit=200) if s["id"].startswith(standing)]
    if len(hits) != 1:
        raise Trouble(
            f"{len(hits)} standing approvals begin with {standing!r}. List them with: nightshift auto list --all"
        )
    said = client.post(f"/standing/{hits[0]}/end", {"reason": reason})
    if as_json:
        print_json(said)
    else:
        line(f"{said['playbook_id']} asks again from now on")


def _over(standing: dict[str, Any]) -> str:
    if standing["ended_at"]:
        return f"ended by {standing['ended_by']}"
    return "expired or its person is no operator any more"
