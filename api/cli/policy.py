"""`nightshift policy`: the guardrails' numbers and lists, checked here and applied as a version."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import REFUSED, Json, Trouble
from api.cli.screen import line, moment, print_json, table

app = typer.Typer(name="policy", help="The policy: what may act, when, and who has to agree.", rich_markup_mode=None)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The policy file (YAML).")]


@app.command()
def check(file: File) -> None:
    """Check a policy file here, without a server; a fault is told with its line and what to do."""
    _body(file)
    line(f"{file}: good")


@app.command()
def apply(file: File, as_json: Json = False) -> None:
    """Check a policy file, then let it rule. A change voids every open approval."""
    said = client.put("/policy", _body(file))
    if as_json:
        print_json(said)
    elif said["changed"]:
        line(f"policy version {said['version']} rules; {said['voided']} open approvals are void")
    else:
        line(f"policy version {said['version']} rules already (nothing changed)")


@app.command()
def show(
    version: Annotated[int | None, typer.Option(help="This version, as it was written.")] = None,
    written: Annotated[bool, typer.Option("--written", help="As it was written, without the defaults.")] = False,
    as_json: Json = False,
) -> None:
    """The policy that rules now, with every default, as YAML."""
    found = client.get("/policy" if version is None else f"/policy/versions/{version}")
    if as_json:
        print_json(found)
        return
    import yaml

    by = f", applied by {found['applied_by']} at {moment(found['applied_at'])} UTC" if found["version"] else ""
    line(f"# version {found['version']}{by}" if found["version"] else "# nobody applied a policy: the defaults rule")
    shown = found["body"] if written or version is not None else found["rules"]
    line(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True).rstrip())


@app.command()
def versions(as_json: Json = False) -> None:
    """List the versions, newest first."""
    page = client.get("/policy/versions", limit=100)
    if as_json:
        print_json(page)
        return
    rows = [(p["version"], p["applied_by"], moment(p["applied_at"])) for p in page["items"]]
    table(("version", "by", "at (UTC)"), rows, empty="Nobody applied a policy: the defaults rule.")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a policy file, for an editor."""
    from core.policy_schema import policy_schema

    print_json(policy_schema())


def _body(file: Path) -> dict[str, Any]:
    from core.errors import BadConfiguration
    from ingest.policy_file import load_policy_file

    try:
        return load_policy_file(file)
    except BadConfiguration as error:
        raise Trouble(error.detail, REFUSED) from error
