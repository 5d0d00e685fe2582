"""`nightshift playbooks`: list, show, apply files, explain what the gate says, and n of N."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble
from api.cli.screen import bar, line, print_json, table

app = typer.Typer(name="playbooks", help="Playbooks: which action for which trouble.", rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="ID", help="The playbook's id.")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        show_list(as_json=as_json)


@app.command("list")
def show_list(as_json: Json = False) -> None:
    """List the playbooks."""
    page = client.get("/playbooks")
    if as_json:
        print_json(page)
        return
    rows = [
        (p["id"], p["version"], p["body"]["action"], p["body"].get("tier", "-"), p["body"]["title"])
        for p in page["items"]
    ]
    table(("id", "version", "action", "tier", "title"), rows, empty="No playbooks.")


@app.command()
def show(playbook: Id, as_json: Json = False) -> None:
    """Print one playbook as YAML."""
    found = client.get(f"/playbooks/{playbook}")
    if as_json:
        print_json(found)
        return
    import yaml

    print(f"# version {found['version']}, from {found['source']}")
    print(yaml.safe_dump(found["body"], sort_keys=False, allow_unicode=True), end="")


@app.command()
def apply(
    path: Annotated[Path, typer.Argument(metavar="FILE_OR_DIR", help="A YAML file, or a folder of them.")],
    as_json: Json = False,
) -> None:
    """Send playbook files to the server; each one that changed becomes a new version."""
    bodies = _bodies(path)
    answers = [client.put(f"/playbooks/{body['id']}", body) for body in bodies]
    if as_json:
        print_json({"items": answers})
        return
    for answer in answers:
        line(f"{answer['id']}: version {answer['version']}{'' if answer['changed'] else ', unchanged'}")


def _bodies(path: Path) -> list[dict[str, Any]]:
    """All files are checked before the first is sent."""
    import yaml

    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise Trouble(f"{path}: there is no *.yaml file in this folder")
    bodies = []
    for file in files:
        try:
            body = yaml.safe_load(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise Trouble(f"{file}: {' '.join(str(error).split())}") from None
        if not isinstance(body, dict) or not isinstance(body.get("id"), str):
            raise Trouble(f"{file}: a playbook is a mapping with an id")
        bodies.append(body)
    return bodies


@app.command()
def explain(number: Annotated[str, typer.Argument(metavar="N")], as_json: Json = False) -> None:
    """For an incident: what the gate says to each playbook, and why."""
    page = client.get(f"/playbooks/explain/{number.removeprefix('#')}")
    if as_json:
        print_json(page)
        return
    rows = [(p["playbook_id"], p["verb"], p["guardrail"], p["detail"]) for p in page["items"]]
    table(("playbook", "answer", "guardrail", "why"), rows, empty="No playbooks.")


@app.command()
def stats(as_json: Json = False) -> None:
    """How often each playbook helped, with the 95 % interval."""
    page = client.get("/learning/stats")
    if as_json:
        print_json(page)
        return
    rows = [
        (s["playbook_id"], s["signature"], s["words"], bar(s["low"], s["rate"], s["high"]), s["apart"])
        for s in page["items"]
    ]
    table(
        ("playbook", "trouble", "helped", "0 %                  100 %", "not counted"), rows, empty="Nothing learned."
    )
