"""`nightshift heartbeats`: who still says that all is well, by which interval; and the rules that make an alert one."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json, lists
from api.cli.durations import seconds
from api.cli.screen import line, moment, pairs, print_json, table

app = typer.Typer(name="heartbeats", help="Alerts that always fire, and are missed.", rich_markup_mode=None)


@lists(app)
def show_list(as_json: Json = False) -> None:
    """List the heartbeats with their state and interval."""
    page = client.get("/heartbeats")
    if as_json:
        print_json(page)
        return
    rows = [
        (h["id"], h["name"], h["labels"].get("cluster"), h["source"], h["state"],
         f"{h['interval_s']:.0f} s {h['interval_from']}", moment(h["last_beat_at"]), h["rule"])
        for h in page["items"]
    ]  # fmt: skip
    columns = ("id", "name", "cluster", "source", "state", "interval", "last beat (UTC)", "rule")
    table(columns, rows, empty="No heartbeats yet. Send Watchdog, or add a rule: nightshift heartbeats add MATCHER...")


@app.command()
def retire(heartbeat: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Stop waiting for a heartbeat that was taken down; a new beat brings it back."""
    done = client.post(f"/heartbeats/{heartbeat}/retire", {})
    if as_json:
        print_json(done)
        return
    line(f"{done['name']}: nobody waits for it any more")


@app.command()
def rules(as_json: Json = False) -> None:
    """List the rules that were added; Watchdog and DeadMansSwitch always are heartbeats."""
    page = client.get("/heartbeat-rules")
    if as_json:
        print_json(page)
        return
    rows = [
        (r["id"], r["body"]["title"], " ".join(r["body"]["matchers"]), _interval(r["body"]["interval_s"]),
         r["created_by"])
        for r in page["items"]
    ]  # fmt: skip
    table(("id", "title", "matchers", "interval", "by"), rows, empty="No rules but those for Watchdog, DeadMansSwitch.")


@app.command()
def add(
    matchers: Annotated[list[str], typer.Argument(metavar="MATCHER...", help="alertname=NightlyBackup ...")],
    title: Annotated[str, typer.Option("--title", help="What it watches over.")] = "",
    every: Annotated[str | None, typer.Option("--every", help="Its interval, such as 1d; learned if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Take the alerts that match all of these for heartbeats: never incidents, but missed."""
    body = {"title": title or " ".join(matchers), "matchers": matchers, "interval_s": seconds(every) if every else None}
    made = client.post("/heartbeat-rules", body)
    if as_json:
        print_json(made)
        return
    pairs(made["id"], [("Matches", " ".join(made["body"]["matchers"])), ("Interval", _interval(body["interval_s"]))])


@app.command()
def expire(rule: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """End a rule now; what it matched are ordinary alerts from then on."""
    ended = client.post(f"/heartbeat-rules/{rule}/expire", {})
    if as_json:
        print_json(ended)
        return
    line(f"{ended['id']}: {ended['state']}")


def _interval(interval_s: object) -> str:
    return f"{interval_s:.0f} s" if isinstance(interval_s, int | float) else "learned"
