"""`nightshift config`: the site file, applied as a version."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import client
from api.cli.client import Json, Trouble
from api.cli.screen import line, print_json

app = typer.Typer(name="config", help="The site file: services, targets, rules, endpoints.", rich_markup_mode=None)


@app.command()
def apply(file: Annotated[Path, typer.Argument(help="The site file (YAML).")], as_json: Json = False) -> None:
    """Check a site file here, then make it the newest version."""
    from core.errors import BadConfiguration
    from ingest.site_file import load_site_file

    try:
        body = load_site_file(file)
    except BadConfiguration as error:
        raise Trouble(error.detail) from error
    said = client.put("/site", body)
    if as_json:
        print_json(said)
    else:
        line(f"site version {said['version']}" + ("" if said["changed"] else " (nothing changed)"))


@app.command()
def show() -> None:
    """The site that rules now, as YAML."""
    import yaml

    line(yaml.safe_dump(client.get("/site")["body"], sort_keys=False).rstrip())
