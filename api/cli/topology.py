"""`nightshift topology`: which service depends on which, and how that is known."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble
from api.cli.screen import line, moment, print_json, table, warn

app = typer.Typer(name="topology", help="Which service depends on which.", rich_markup_mode=None)
FILE_BYTES_MAX = 1024 * 1024


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        show(as_json=as_json)


@app.command()
def show(as_json: Json = False) -> None:
    """List every dependency, with where it comes from."""
    found = client.get("/topology")
    if as_json:
        print_json(found)
        return
    rows = [
        (e["service"], e["depends_on"], _origin(e), moment(e.get("last_seen")), "" if e["used"] else "the file wins")
        for e in found["edges"]
    ]
    columns = ("service", "depends on", "from", "last seen (UTC)", "")
    table(columns, rows, empty="No dependencies. Import some with: nightshift topology import FILE")


@app.command("import")
def take_over(
    file: Annotated[Path, typer.Argument(help="YAML: services with their depends_on.")], as_json: Json = False
) -> None:
    """Take over services and dependencies; what else the site says of them stays."""
    said = client.put("/topology/services", _services(file))
    if as_json:
        print_json(said)
        return
    line(f"site version {said['version']}" + ("" if said["changed"] else " (nothing changed)"))
    if said["changed"]:
        warn("A site file that the server reads at its start (NIGHTSHIFT_CONFIG) replaces this then: change it too.")


def _services(file: Path) -> dict[str, Any]:
    """`services:` with their dependencies, or the same without that first line."""
    import yaml

    try:
        text = file.read_text("utf-8")
        body = yaml.safe_load(text) if len(text) <= FILE_BYTES_MAX else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Trouble(f"{file} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(body, dict):
        raise Trouble(f"{file} must be YAML of at most 1 MiB: names of services, each with its depends_on.")
    services = body.get("services", body)
    if not isinstance(services, dict):
        raise Trouble(f"{file}: services must be names, each with its depends_on.")
    known = ("kind", "depends_on")
    return {"services": {str(name): _known(one, known) for name, one in services.items()}}


def _known(one: Any, names: tuple[str, ...]) -> Any:
    """A site file may be given whole; only what concerns the topology is taken of it. A bare list is the depends_on."""
    if isinstance(one, list):
        return {"depends_on": one}
    return {name: one[name] for name in names if name in one} if isinstance(one, dict) else one


def _origin(edge: dict[str, Any]) -> str:
    return "file" if edge["from"] == "file" else f"label {edge['label']} of {edge['source']}"
