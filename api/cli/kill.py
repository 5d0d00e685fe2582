"""`nightshift kill`: the switch that stops every action."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json
from api.cli.screen import line, moment, print_json

app = typer.Typer(name="kill", help="The kill switch: while it is on, nothing acts.", rich_markup_mode=None)
Say = Annotated[str, typer.Option("--reason", help="Why; it is audited.")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        status()


@app.command()
def on(reason: Say = "", as_json: Json = False) -> None:
    """Stop every action now."""
    _turn(True, reason, as_json)


@app.command()
def off(reason: Say = "", as_json: Json = False) -> None:
    """Let actions run again."""
    _turn(False, reason, as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether it is on, since when and why."""
    switches = client.get("/switches")["items"]
    _say(next(switch for switch in switches if switch["name"] == "kill"), as_json)


def _turn(is_on: bool, reason: str, as_json: bool) -> None:
    _say(client.put("/switches/kill", {"on": is_on, "reason": reason}), as_json)


def _say(switch: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(switch)
        return
    since = f" since {moment(str(switch['changed_at']))} UTC by {switch['changed_by']}" if switch["changed_at"] else ""
    why = f": {switch['reason']}" if switch["reason"] else ""
    line(f"kill switch {'ON: nothing acts' if switch['on'] else 'off'}{since}{why}")
