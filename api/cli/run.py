"""`nightshift up | serve | worker | migrate`: options in, the house opened by `api.serving`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.client import Trouble
from api.cli.screen import warn

if TYPE_CHECKING:
    from engine.settings import Settings

Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)]
DataDir = Annotated[Path | None, typer.Option(help="Where the embedded database lives.")]
Config = Annotated[Path | None, typer.Option(help="The site file (YAML).")]
DatabaseUrl = Annotated[str | None, typer.Option(help="PostgreSQL; without it, the embedded one is used.")]


def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run everything in one process, with a database of its own."""
    _run("serve", "worker", host=host, port=port, data_dir=data_dir, config=config, database_url=database_url)


def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Answer HTTP."""
    _run("serve", host=host, port=port, data_dir=data_dir, config=config, database_url=database_url)


def worker(data_dir: DataDir = None, config: Config = None, database_url: DatabaseUrl = None) -> None:
    """Run jobs, timers and approved actions."""
    _run("worker", data_dir=data_dir, config=config, database_url=database_url)


def migrate(
    database_url: Annotated[str | None, typer.Option(help="PostgreSQL, as the role that serve and worker use.")] = None,
    database_owner_url: Annotated[str | None, typer.Option(help="The same, as the role that owns the tables.")] = None,
) -> None:
    """Bring the database to this version."""
    import asyncio

    from psycopg.conninfo import conninfo_to_dict

    from core.errors import NightshiftError
    from store.migrate import migrate as bring_up

    settings = _settings(database_url=database_url, database_owner_url=database_owner_url)
    owner = settings.database_owner_url or settings.database_url
    if not owner:
        raise Trouble("Say which database: DATABASE_OWNER_URL or --database-owner-url. `up` migrates its own.")
    runtime = conninfo_to_dict(settings.database_url or owner).get("user")
    try:
        applied = asyncio.run(bring_up(owner, str(runtime or "")))
    except NightshiftError as error:
        raise Trouble(error.detail) from None
    warn("migrated" if applied else "nothing to do: the database has this version")


def _run(*parts: str, **options: Any) -> None:
    from api import serving

    raise typer.Exit(serving.run(_settings(**options), parts))


def _settings(**options: Any) -> "Settings":
    """What was given on the command line over the environment. Raises Trouble naming every faulty setting."""
    from core.errors import BadConfiguration
    from engine.settings import read_settings

    try:
        return read_settings(**options)
    except BadConfiguration as error:
        raise Trouble(error.detail) from None
