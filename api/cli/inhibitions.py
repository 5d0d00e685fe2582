"""`nightshift inhibitions`: alerts that are not told while another one, their cause, fires."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from api.cli.client import Json
from api.cli.notice_rules import Id, Kind, Override, words


def _row(rule: Mapping[str, Any]) -> tuple[str, ...]:
    body = rule["body"]
    return body["title"], words(body["source"]), words(body["target"]), ", ".join(body["equal"])


def _facts(rule: Mapping[str, Any]) -> list[tuple[str, str]]:
    body = rule["body"]
    return [
        ("While fires", words(body["source"])),
        ("Is not told", words(body["target"])),
        ("With equal", ", ".join(body["equal"]) or "-"),
    ]


KIND = Kind("inhibitions", "inhibitions", ("title", "while fires", "is not told", "with equal"), _row, _facts)
app = KIND.app("What is not told while its cause fires.")


@app.command()
def add(
    title: Annotated[str, typer.Option(help="What causes what.")],
    source: Annotated[list[str], typer.Option("--source", metavar="MATCHER", help="The cause; again for more.")],
    target: Annotated[list[str], typer.Option("--target", metavar="MATCHER", help="What is muted; again for more.")],
    equal: Annotated[list[str] | None, typer.Option("--equal", metavar="LABEL", help="The same on both.")] = None,
    override: Override = "",
    as_json: Json = False,
) -> None:
    """Mute alerts while another one fires that has the same values of some labels."""
    body = {"title": title, "source": source, "target": target, "equal": equal or [], "override": override}
    KIND.add(body, as_json)


@app.command()
def change(
    rule: Id,
    title: Annotated[str | None, typer.Option(help="What causes what.")] = None,
    source: Annotated[list[str] | None, typer.Option("--source", metavar="MATCHER", help="The cause.")] = None,
    target: Annotated[list[str] | None, typer.Option("--target", metavar="MATCHER", help="What is muted.")] = None,
    equal: Annotated[list[str] | None, typer.Option("--equal", metavar="LABEL", help="The same on both.")] = None,
    override: Annotated[str | None, typer.Option(help="too_broad")] = None,
    as_json: Json = False,
) -> None:
    """Change what is given; the rest stays."""
    given = {
        "title": title, "source": source or None, "target": target or None, "equal": equal or None,
        "override": override,
    }  # fmt: skip
    KIND.change(rule, given, as_json)
