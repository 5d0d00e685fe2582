"""What maintenance windows, inhibitions and escalation policies share: list, show, change, remove."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble
from api.cli.screen import line, moment, pairs, print_json, table

Id = Annotated[str, typer.Argument(metavar="ID")]
Override = Annotated[str, typer.Option(help="too_broad: take it although it may match everything.")]
Ended = Annotated[bool, typer.Option("--all", help="Also those that are over.")]


@dataclass(frozen=True)
class Kind:
    """One kind: its command, where the API has it, and how a line of the list and a page look."""

    command: str
    path: str
    columns: Sequence[str]
    row: Callable[[Mapping[str, Any]], Sequence[Any]]
    facts: Callable[[Mapping[str, Any]], list[tuple[str, str]]]
    # What a new version has to say again although it is no part of the body.
    beside_body: Sequence[str] = ()

    def app(self, text: str) -> typer.Typer:
        """The command with `list`, `show` and `remove`; `add` and `change` are each kind's own."""
        app = typer.Typer(name=self.command, help=text, rich_markup_mode=None)

        @app.callback(invoke_without_command=True)
        def default(context: typer.Context, as_json: Json = False) -> None:
            if context.invoked_subcommand is None:
                self.show_list(False, as_json)

        @app.command("list", help="List them, newest first.")
        def show_list(ended: Ended = False, as_json: Json = False) -> None:
            self.show_list(ended, as_json)

        @app.command(help="Show one of them.")
        def show(rule: Id, as_json: Json = False) -> None:
            self.show(rule, as_json)

        @app.command(help="End one of them now; its history stays.")
        def remove(rule: Id, as_json: Json = False) -> None:
            self.told(client.post(f"/{self.path}/{id_of(rule)}/expire", {}), as_json)

        return app

    def show_list(self, ended: bool, as_json: bool) -> None:
        """Print a table of them."""
        page = client.get(f"/{self.path}", state="all" if ended else "current")
        if as_json:
            print_json(page)
            return
        rows = [(one["id"], one["state"], *self.row(one), one["updated_by"]) for one in page["items"]]
        empty = f"None. Add one with: nightshift {self.command} add --help"
        table(("id", "state", *self.columns, "by"), rows, empty=empty)

    def show(self, rule: str, as_json: bool) -> None:
        """Print one of them."""
        found = client.get(f"/{self.path}/{id_of(rule)}")
        if as_json:
            print_json(found)
            return
        written = ("Written", f"version {found['version']} by {found['updated_by']}, {moment(found['updated_at'])} UTC")
        facts = [("State", found["state"]), *self.facts(found), written]
        pairs(found["body"]["title"], facts)

    def add(self, body: Mapping[str, Any], as_json: bool) -> None:
        """Make one."""
        self.told(client.post(f"/{self.path}", body), as_json)

    def change(self, rule: str, given: Mapping[str, Any], as_json: bool) -> None:
        """Write a new version with what is given; the rest stays. Whoever changed it meanwhile is not overwritten."""
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            raise Trouble(f"Say what to change; see: nightshift {self.command} change --help")
        path = f"/{self.path}/{id_of(rule)}"
        found = client.get(path)
        kept = {**found["body"], **{name: found[name] for name in self.beside_body}}
        self.told(client.put(path, {**kept, **changes}, **{"If-Match": f'"{found["version"]}"'}), as_json)

    def told(self, rule: Mapping[str, Any], as_json: bool) -> None:
        """Say what became of one."""
        if as_json:
            print_json(rule)
        else:
            line(f"{rule['id']}: {rule['state']}, version {rule['version']}")


def id_of(text: str) -> str:
    """An id as it may stand in a path. Raises Trouble."""
    if not text.replace("-", "").isalnum():
        raise Trouble(f"{text!r} is not an id; list them first.")
    return text


def words(matchers: Sequence[str]) -> str:
    """Matchers in one line."""
    return " ".join(matchers) or "everything"
