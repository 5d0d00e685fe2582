"""`nightshift maintenance`: planned windows in which nobody is paged and nothing is healed."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from api.cli.client import Json
from api.cli.durations import seconds
from api.cli.notice_rules import Id, Kind, Override, words
from api.cli.screen import moment

MATCHER = "service=orders-db ..."
Start = Annotated[str, typer.Option("--from", help="When the first one begins: 2026-03-07T22:00:00+01:00.")]
Length = Annotated[str, typer.Option("--for", help="How long each is, such as 2h.")]
Repeat = Annotated[str, typer.Option(help="once, daily or weekly.")]
Zone = Annotated[str, typer.Option(help="Whose wall clock it follows, such as Europe/Berlin.")]
Weekdays = Annotated[str, typer.Option(help="For a weekly one: mon,thu or 0,3 (0 is Monday).")]
Until = Annotated[str, typer.Option(help="None begins at or after this time.")]
Title = Annotated[str, typer.Option(help="What is planned.")]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _row(window: Mapping[str, Any]) -> tuple[str, ...]:
    body = window["body"]
    length = f"{body['duration_s'] / 3600:g} h"
    return body["title"], words(body["matchers"]), moment(window["starts_at"]), length, body["repeat"]


def _facts(window: Mapping[str, Any]) -> list[tuple[str, str]]:
    body = window["body"]
    days = " on " + ", ".join(DAYS[day] for day in body["weekdays"]) if body["weekdays"] else ""
    return [
        ("For", words(body["matchers"])),
        ("First", f"{moment(window['starts_at'])} UTC, {body['duration_s']:g} s"),
        ("Repeats", f"{body['repeat']}{days} in {body['zone']}"),
        ("Until", body["until"] or "-"),
    ]


KIND = Kind(
    "maintenance", "maintenance-windows", ("title", "for", "first (UTC)", "length", "repeats"), _row, _facts,
    beside_body=("starts_at",),
)  # fmt: skip
app = KIND.app("Planned windows in which nobody is paged.")


@app.command()
def add(
    matchers: Annotated[list[str], typer.Argument(metavar="MATCHER...", help=MATCHER)],
    title: Title,
    start: Start,
    length: Length,
    repeat: Repeat = "once",
    zone: Zone = "UTC",
    weekdays: Weekdays = "",
    until: Until = "",
    override: Override = "",
    as_json: Json = False,
) -> None:
    """Plan a window for the alerts that match all of these."""
    body = {
        "title": title, "matchers": matchers, "starts_at": start, "duration_s": seconds(length), "repeat": repeat,
        "zone": zone, "weekdays": _days(weekdays), "until": until, "override": override,
    }  # fmt: skip
    KIND.add(body, as_json)


@app.command()
def change(
    window: Id,
    matchers: Annotated[list[str] | None, typer.Argument(metavar="[MATCHER]...", help=MATCHER)] = None,
    title: Annotated[str | None, typer.Option(help="What is planned.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="When the first one begins.")] = None,
    length: Annotated[str | None, typer.Option("--for", help="How long each is, such as 2h.")] = None,
    repeat: Annotated[str | None, typer.Option(help="once, daily or weekly.")] = None,
    zone: Annotated[str | None, typer.Option(help="Whose wall clock it follows.")] = None,
    weekdays: Annotated[str | None, typer.Option(help="For a weekly one: mon,thu or 0,3.")] = None,
    until: Annotated[str | None, typer.Option(help="None begins at or after this time.")] = None,
    override: Annotated[str | None, typer.Option(help="too_broad")] = None,
    as_json: Json = False,
) -> None:
    """Change what is given; the rest stays."""
    given = {
        "matchers": matchers or None, "title": title, "starts_at": start,
        "duration_s": None if length is None else seconds(length), "repeat": repeat, "zone": zone,
        "weekdays": None if weekdays is None else _days(weekdays), "until": until, "override": override,
    }  # fmt: skip
    KIND.change(window, given, as_json)


def _days(text: str) -> list[int | str]:
    """Days by name or number; what is neither is left to the server to refuse."""
    named = [part.strip().lower() for part in text.split(",") if part.strip()]
    return [DAYS.index(day[:3]) if day[:3] in DAYS else int(day) if day.isdecimal() else day for day in named]
