"""`nightshift sources`: who sends alerts and changes, each with a key and settings of its own."""

import json
import re
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import Json, Trouble, lists
from api.cli.durations import seconds
from api.cli.screen import line, moment, pairs, print_json, table, warn

app = typer.Typer(name="sources", help="Senders of alerts and changes.", rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SETTING=VALUE]...",
        help="mapping, labels, secret, signature_header, timestamp_header, topics, service, environment, environments, "
        "repeat_interval_s. "
        "A value may be JSON; labels.team=shop sets one of a mapping; secret=- reads it from stdin.",
    ),
]
_LISTS = frozenset({"topics"})
_MAPPINGS = frozenset({"mapping", "labels", "environments"})


@lists(app)
def show_list(as_json: Json = False) -> None:
    """List the sources."""
    page = client.get("/sources")
    if as_json:
        print_json(page)
        return
    rows = [
        (s["name"], s["kind"], "disabled" if s.get("disabled_at") else "", moment(s.get("created_at")))
        for s in page["sources"]
    ]
    columns = ("name", "kind", "", "added (UTC)")
    table(columns, rows, empty="No sources. Add one with: nightshift sources add NAME --kind")


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one source with its settings and keys; secrets and keys themselves are never shown."""
    source = client.get(f"/sources/{_name(name)}")
    if as_json:
        print_json(source)
        return
    settings = [(key, json.dumps(value, ensure_ascii=False)) for key, value in sorted(source["settings"].items())]
    if source["signed"]:
        settings.append(("secret", "is set"))
    keys = [
        ("Key", f"…{k['hint']}, " + (f"ends {moment(k['expires_at'])} UTC" if k["expires_at"] else "in use"))
        for k in source["keys"]
    ]
    state = f"disabled since {moment(source['disabled_at'])} UTC" if source["disabled_at"] else "in use"
    pairs(f"{source['name']} ({source['kind']})", [("State", state), *settings, *keys])


@app.command()
def add(
    name: str,
    settings: Words = None,
    kind: Annotated[str, typer.Option("--kind", help="alertmanager, generic, changes, grafana, sentry, ...")] = "",
    every: Annotated[str, typer.Option("--repeat", help="How often it repeats what fires, such as 4h.")] = "",
    as_json: Json = False,
) -> None:
    """Add a source and print its key, once."""
    if not kind:
        raise Trouble("Say which kind of source it is: --kind alertmanager, generic, grafana, sentry, ...")
    repeats = {"repeat_interval_s": seconds(every)} if every else {}
    print_key(
        client.post("/sources", {"name": name, "kind": kind, **read_settings(settings or []), **repeats}), as_json
    )


@app.command()
def repeat(
    name: Name,
    every: Annotated[str, typer.Argument(help="Such as 4h, or `unknown`.")],
    as_json: Json = False,
) -> None:
    """Say how often a source repeats what fires; what it leaves out is then shown as unknown."""
    interval_s = None if every == "unknown" else seconds(every)
    said = client.put(f"/sources/{_name(name)}/repeat-interval", {"repeat_interval_s": interval_s})
    if as_json:
        print_json(said)
    else:
        line(f"{name}: " + ("unknown" if interval_s is None else f"every {interval_s:.0f} s"))


@app.command()
def change(
    name: Name,
    settings: Words = None,
    drop: Annotated[list[str] | None, typer.Option("--drop", metavar="SETTING", help="Remove a setting.")] = None,
    as_json: Json = False,
) -> None:
    """Change some settings; the rest stays as it is."""
    given = read_settings(settings or [])
    kept = client.get(f"/sources/{_name(name)}")["settings"]
    merged = {
        key: {**kept.get(key, {}), **value} if key in _MAPPINGS and f"{key}." in " ".join(settings or []) else value
        for key, value in given.items()
    }
    dropped = {key: None for key in drop or []}
    source = client.put(f"/sources/{_name(name)}", {**kept, **merged, **dropped})
    if as_json:
        print_json(source)
    else:
        line(f"{source['name']}: {', '.join(sorted({*merged, *dropped})) or 'nothing'} changed")


@app.command()
def rotate(
    name: Name,
    overlap: Annotated[str, typer.Option("--overlap", help="How long the old key works on: 0s, 30m, 1d.")] = "1d",
    as_json: Json = False,
) -> None:
    """Make a new key and print it, once; the old one works on for a while."""
    print_key(client.post(f"/sources/{_name(name)}/rotate", {"overlap_s": seconds(overlap)}), as_json)


@app.command()
def remove(name: Name, as_json: Json = False) -> None:
    """Take nothing of a source any more; what it sent stays. `enable` undoes it."""
    _switched(client.post(f"/sources/{_name(name)}/disable", {}), as_json)


@app.command()
def enable(name: Name, as_json: Json = False) -> None:
    """Take what a removed source sends again."""
    _switched(client.post(f"/sources/{_name(name)}/enable", {}), as_json)


def print_key(added: dict[str, Any], as_json: bool) -> None:
    """The only moment at which a key can be read."""
    if as_json:
        print_json(added)
        return
    warn(f"{added['name']}: keep this key, it is shown only now")
    line(added["key"])


def read_settings(words: list[str]) -> dict[str, Any]:
    """SETTING=VALUE words as the API takes them. Raises Trouble."""
    found: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        outer, dot, inner = key.partition(".")
        if not (outer and sign) or bool(dot) != bool(inner):
            raise Trouble(f"{word.partition('=')[0]!r}: write settings as SETTING=VALUE, or labels.NAME=VALUE")
        if dot:
            found.setdefault(outer, {})[inner] = text
        else:
            found[outer] = _value(outer, text)
    return found


def _value(key: str, text: str) -> Any:
    if key == "secret" and text == "-":
        return typer.get_text_stream("stdin").readline().rstrip("\n")
    if key == "repeat_interval_s":
        return seconds(text)
    if key not in _MAPPINGS | _LISTS:
        return text
    if key in _LISTS and not text.startswith("["):
        return [part for part in re.split(r"[,\s]+", text) if part]
    try:
        return json.loads(text)
    except ValueError as error:
        raise Trouble(f"{key}: this is not JSON ({error})") from None


def _name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_.-]{1,63}", name):
        raise Trouble(f"{name!r} is not the name of a source. List them with: nightshift sources")
    return name


def _switched(source: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(source)
    else:
        line(f"{source['name']} is {'disabled' if source['disabled_at'] else 'in use'}")
