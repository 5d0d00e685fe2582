"""`nightshift kill`, `observe` and `shadow`: the switches that stop every action, or keep them from being asked for."""

from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json
from api.cli.screen import line, moment, print_json

Say = Annotated[str, typer.Option("--reason", help="Why; it is audited.")]


def _switch(name: str, command: str, title: str, while_on: str) -> typer.Typer:
    """The commands of one switch: on, off, status."""
    app = typer.Typer(name=command, help=f"The {title}: {while_on}.", rich_markup_mode=None)

    @app.callback(invoke_without_command=True)
    def _default(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            status()

    @app.command()
    def on(reason: Say = "", as_json: Json = False) -> None:
        """Turn it on, at once."""
        say(client.put(f"/switches/{name}", {"on": True, "reason": reason}), as_json)

    @app.command()
    def off(reason: Say = "", as_json: Json = False) -> None:
        """Turn it off; that needs an operator."""
        say(client.put(f"/switches/{name}", {"on": False, "reason": reason}), as_json)

    @app.command()
    def status(as_json: Json = False) -> None:
        """Say whether it is on, since when and why."""
        say(next(switch for switch in client.get("/switches")["items"] if switch["name"] == name), as_json)

    def say(switch: dict[str, object], as_json: bool) -> None:
        if as_json:
            print_json(switch)
            return
        at = moment(str(switch["changed_at"])) if switch["changed_at"] else ""
        since = f" since {at} UTC by {switch['changed_by']}" if at else ""
        why = f": {switch['reason']}" if switch["reason"] else ""
        line(f"{title} {f'ON: {while_on}' if switch['on'] else 'off'}{since}{why}")

    return app


APPS = (
    _switch("kill", "kill", "kill switch", "nothing acts"),
    _switch("observe_only", "observe", "observe-only switch", "Nightshift looks and tells, and touches nothing"),
    _switch("shadow", "shadow", "shadow mode", "proposals are recorded and compared, and nobody is asked"),
)
