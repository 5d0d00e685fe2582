"""The one console script: every command, and one place where trouble becomes a line and an exit code."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli import (
    approvals,
    channels,
    config,
    escalation,
    executions,
    heartbeats,
    identities,
    incidents,
    inhibitions,
    login,
    logs,
    maintenance,
    people,
    playbooks,
    policy,
    quarantine,
    rota,
    run,
    silences,
    sources,
    standing,
    switches,
    talk,
    teams,
    topology,
)
from api.cli.client import Json, Trouble
from api.cli.screen import line, print_json, warn
from core.errors import NightshiftError

app = typer.Typer(
    name="nightshift",
    help="The on-call colleague that never sleeps and remembers every fix.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
for _name in ("up", "serve", "worker", "migrate"):
    app.command(_name)(getattr(run, _name))
for _group in (
    incidents,
    approvals,
    executions,
    playbooks,
    policy,
    standing,
    silences,
    maintenance,
    inhibitions,
    escalation,
    heartbeats,
    sources,
    people,
    identities,
    teams,
    rota,
    quarantine,
    channels,
    topology,
    config,
):
    app.add_typer(_group.app)
for _switch in switches.APPS:
    app.add_typer(_switch)
app.command()(talk.ask)
app.command()(talk.chat)
app.command()(logs.logs)
app.command()(rota.oncall)
for _by_password in (login.login, login.password, login.enrol):
    app.command()(_by_password)


@app.command()
def demo(
    yes: Annotated[bool, typer.Option("--yes", help="Approve the fix without asking.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Save the sixth act as an SVG.")] = None,
) -> None:
    """Break a small shop on this machine and watch it being healed."""
    from api.cli.demo import demo as play

    raise typer.Exit(play(yes=yes, keep=keep, picture=picture))


@app.command()
def version(as_json: Json = False) -> None:
    """Say which Nightshift this is."""
    from importlib.metadata import version as installed

    if as_json:
        print_json({"version": installed("nightshift")})
    else:
        line(installed("nightshift"))


def main() -> None:
    """Run a command. Exit codes: 0 fine, 1 broken, 2 refused, degraded or misused."""
    try:
        app()
    except Trouble as trouble:
        warn(str(trouble))
        sys.exit(trouble.code)
    except NightshiftError as error:
        warn(f"nightshift: {error.detail}")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
