"""`nightshift playbooks`: list, show, apply files, publish, withdraw, explain what the gate says, and n of N."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.chart import chart, columns
from api.cli.client import REFUSED, Json, Trouble, lists
from api.cli.screen import line, moment, print_json, table, warn

app = typer.Typer(name="playbooks", help="Playbooks: which action for which trouble.", rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="ID", help="The playbook's id.")]
Files = Annotated[Path, typer.Argument(metavar="FILE_OR_DIR", help="A YAML file, or a folder of them.")]
UNUSABLE = 422


@lists(app)
def show_list(
    everything: Annotated[bool, typer.Option("--all", help="Also drafts and what was withdrawn.")] = False,
    as_json: Json = False,
) -> None:
    """List the playbooks that rule."""
    page = client.get("/playbooks", status="all" if everything else "published", limit=200)
    if as_json:
        print_json(page)
        return
    rows = [
        (p["id"], p["version"], p["status"], p["body"]["action"], p["body"].get("tier", "-"), p["body"]["title"])
        for p in page["items"]
    ]
    table(("id", "version", "status", "action", "tier", "title"), rows, empty="No playbooks.")


@app.command()
def show(
    playbook: Id,
    version: Annotated[int | None, typer.Option(help="This version instead of the one that rules.")] = None,
    as_json: Json = False,
) -> None:
    """Print one playbook as YAML."""
    found = client.get(f"/playbooks/{playbook}", version=version)
    if as_json:
        print_json(found)
        return
    import yaml

    line(f"# version {found['version']}, {found['status']}, from {found['source']}")
    print(yaml.safe_dump(found["body"], sort_keys=False, allow_unicode=True), end="")


@app.command()
def versions(playbook: Id, as_json: Json = False) -> None:
    """List every version of one playbook."""
    page = client.get(f"/playbooks/{playbook}/versions")
    if as_json:
        print_json(page)
        return
    rows = [(p["version"], p["status"], p["source"], p["created_by"], moment(p["created_at"])) for p in page["items"]]
    table(("version", "status", "from", "by", "at (UTC)"), rows, empty="No versions.")


@app.command()
def check(path: Files) -> None:
    """Check playbook files here, without a server; every fault is told with its file and line."""
    bodies, faults = _read(path)
    _say_faults(faults)
    line(f"{len(bodies)} good, {len(faults)} bad")
    if faults:
        raise typer.Exit(REFUSED)


@app.command()
def apply(
    path: Files,
    draft: Annotated[bool, typer.Option("--draft", help="As drafts, which somebody publishes later.")] = False,
    as_json: Json = False,
) -> None:
    """Send playbook files to the server; each one that changed becomes a new version. A bad file stops no other."""
    bodies, faults = _read(path)
    answers = []
    for body in bodies:
        try:
            answers.append(client.put(f"/playbooks/{body['id']}{'?draft=true' if draft else ''}", body))
        except Trouble as trouble:
            if trouble.problem.get("status") != UNUSABLE:
                raise
            faults = (*faults, f"{body['id']}: {trouble}")
    if as_json:
        print_json({"items": answers, "faults": list(faults)})
    else:
        for answer in answers:
            _changed(answer, as_json=False)
    _say_faults(faults)
    if faults:
        raise typer.Exit(REFUSED)


@app.command()
def publish(
    playbook: Id,
    version: Annotated[int | None, typer.Option(help="This version; without it the newest draft.")] = None,
    as_json: Json = False,
) -> None:
    """Let a draft, or an older version, rule from now on."""
    if version is None:
        drafts = [p for p in client.get(f"/playbooks/{playbook}/versions")["items"] if p["status"] == "draft"]
        if not drafts:
            raise Trouble(f"{playbook} has no draft. Name a version: nightshift playbooks versions {playbook}")
        version = drafts[0]["version"]
    _changed(client.post(f"/playbooks/{playbook}/publish", {"version": version}), as_json)


@app.command()
def withdraw(playbook: Id, as_json: Json = False) -> None:
    """Take a playbook out of use. Nothing is deleted: it may be published again."""
    _changed(client.delete(f"/playbooks/{playbook}"), as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a playbook file, for an editor."""
    from core.playbook_schema import playbook_schema

    print_json(playbook_schema())


def _changed(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    said = f"{answer['id']}: version {answer['version']}, {answer['status']}"
    said += "" if answer["changed"] else ", unchanged"
    line(said + (f"; {answer['voided']} open approvals are void" if answer["voided"] else ""))


def _read(path: Path) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """The good bodies of a file or folder, and a sentence for every bad one."""
    from core.errors import BadConfiguration
    from ingest.playbook_file import load_playbook_file, load_playbook_files

    try:
        if not path.is_dir():
            return (load_playbook_file(path),), ()
        found = load_playbook_files(path)
    except BadConfiguration as error:
        return (), (error.detail,)
    if not found.bodies and not found.faults:
        raise Trouble(f"{path}: there is no *.yaml file in this folder")
    return found.bodies, found.faults


def _say_faults(faults: Iterable[str]) -> None:
    for fault in faults:
        warn(fault)


@app.command()
def explain(
    number: Annotated[str, typer.Argument(metavar="N", help="The incident's short number.")],
    playbook: Annotated[str, typer.Option("--playbook", help="Only this one, with every guardrail.")] = "",
    as_json: Json = False,
) -> None:
    """For an incident: what the gate says to each playbook, which guardrail speaks, and why."""
    page = client.get(f"/playbooks/explain/{number.removeprefix('#')}")
    items = [p for p in page["items"] if playbook in ("", p["playbook_id"])]
    if as_json:
        print_json({**page, "items": items})
        return
    if playbook and not items:
        raise Trouble(f"No playbook {playbook!r} rules. List them with: nightshift playbooks")
    if playbook:
        [found] = items
        said = [(g["guardrail"], g["verb"] or "", g["detail"]) for g in found["guardrails"]]
        table(("guardrail", "answer", "why"), said, empty="No guardrails.")
        line(f"{playbook}: {found['verb']} ({found['guardrail']}): {found['detail']}")
        return
    rows = [(p["playbook_id"], p["verb"], p["guardrail"], p["detail"]) for p in items]
    table(("playbook", "answer", "guardrail", "why"), rows, empty="No playbooks.")


@app.command()
def stats(as_json: Json = False) -> None:
    """How often each playbook helped: n of N, with the 95 % interval as a chart."""
    page = client.get("/learning/stats")
    if as_json:
        print_json(page)
        return
    for text in chart(page["items"], columns()):
        line(text)
    if not page["items"]:
        warn("Nothing learned.")


@app.command("learned")
def learned(as_json: Json = False) -> None:
    """What is known of each kind of trouble; and what the shadow mode would have done."""
    page = client.get("/learning/summary")
    if as_json:
        print_json(page)
        return
    rows = [
        (s["signature"], s["occurrences"], s["words"], s["status"], s["best_action"], _by_hand(s), s["shadow"]["words"])
        for s in page["items"]
    ]
    table(("trouble", "came", "helped", "status", "best", "by hand", "shadow"), rows, empty="Nothing happened yet.")
    line(f"shadow mode: {page['shadow']['words']}")


def _by_hand(summary: dict[str, Any]) -> str:
    said = [f"{h['times']} x {h['playbook_id'] or h['words']}" for h in summary["by_hand"][:3]]
    alone = summary["went_away_alone"]
    return ", ".join([*said, *([f"{alone} x alone"] if alone else [])])


@app.command("recommend")
def recommend(number: Annotated[str, typer.Argument(metavar="N")], as_json: Json = False) -> None:
    """For an incident: what history recommends, from how many outcomes, and what else helped."""
    found = client.get("/learning/recommendation", incident=number.removeprefix("#"))
    if as_json:
        print_json(found)
        return
    advice = found["recommendation"]
    if advice is None:
        line("No playbook fits.")
    else:
        line(f"{advice['playbook_id']} ({found['basis']}): helped {advice['words']}, tier {advice['tier']}")
        for other in advice["alternatives"]:
            line(f"else {other['playbook_id']}: helped {other['words']}")
    for reason in found["reasons"]:
        line(f"why: {reason}")
    if found["disagreement"]:
        line(found["disagreement"])
