"""`nightshift up | serve | worker | migrate`: options in, the house opened by `api.serving`."""

from pathlib import Path
from typing import Annotated, Any

import typer

Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)]
DataDir = Annotated[Path | None, typer.Option(help="Where the embedded database lives.")]
Config = Annotated[Path | None, typer.Option(help="The site file (YAML).")]
DatabaseUrl = Annotated[str | None, typer.Option(help="PostgreSQL; `up` brings its own without it.")]


def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run everything in one process, with a database of its own."""
    _run("up", host=host, port=port, data_dir=data_dir, config=config, database_url=database_url)


def serve(host: Host = None, port: Port = None, config: Config = None, database_url: DatabaseUrl = None) -> None:
    """Answer HTTP."""
    _run("serve", host=host, port=port, config=config, database_url=database_url)


def worker(config: Config = None, database_url: DatabaseUrl = None) -> None:
    """Run jobs, timers and approved actions."""
    _run("worker", config=config, database_url=database_url)


def migrate(
    database_url: Annotated[str | None, typer.Option(help="PostgreSQL, as the role that serve and worker use.")] = None,
    database_owner_url: Annotated[str | None, typer.Option(help="The same, as the role that owns the tables.")] = None,
) -> None:
    """Bring the database to this version."""
    _run("migrate", database_url=database_url, database_owner_url=database_owner_url)


def _run(what: str, **options: Any) -> None:
    """Hand over what was given on the command line; everything else comes from the environment."""
    from api import serving

    given = {name: value for name, value in options.items() if value is not None}
    raise typer.Exit(serving.run(what, **given))
