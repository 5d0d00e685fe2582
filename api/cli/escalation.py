"""`nightshift escalation`: who is called, after how long, and again, until somebody acknowledges."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from api.cli.client import Json, Trouble
from api.cli.durations import seconds
from api.cli.notice_rules import Id, Kind, words

STEP = "WHO@AFTER or WHO@AFTER,TIMES,EVERY: on-call@0s, lead@10m,2,5m (2 more times, 5 min apart). Again for more."
MATCHER = "service=shop ... (of the incident)"
Matchers = Annotated[list[str] | None, typer.Argument(metavar="[MATCHER]...", help=MATCHER)]


def _step(step: Mapping[str, Any]) -> str:
    again = f", {step['repeat']} more every {step['every_s']:g} s" if step["repeat"] else ""
    return f"{step['who']} after {step['after_s']:g} s{again}"


def _row(policy: Mapping[str, Any]) -> tuple[str, ...]:
    body = policy["body"]
    return body["title"], ", ".join(body["priorities"]), words(body["matchers"]), "; ".join(map(_step, body["steps"]))


def _facts(policy: Mapping[str, Any]) -> list[tuple[str, str]]:
    body = policy["body"]
    steps = [("Calls" if n == 0 else "", _step(step)) for n, step in enumerate(body["steps"])]
    return [
        ("For", f"{', '.join(body['priorities'])} · {words(body['matchers'])}"),
        *steps,
        ("Acknowledged", f"holds for {body['acknowledged_s']:g} s"),
    ]


KIND = Kind("escalation", "escalation-policies", ("title", "priorities", "for", "steps"), _row, _facts)
app = KIND.app("Who is called until somebody acknowledges.")


@app.command()
def add(
    title: Annotated[str, typer.Option(help="What it is for.")],
    step: Annotated[list[str], typer.Option("--step", help=STEP)],
    matchers: Matchers = None,
    priority: Annotated[list[str] | None, typer.Option("--priority", help="P1 to P4; again for more.")] = None,
    acknowledged: Annotated[str, typer.Option(help="How long an acknowledgement holds.")] = "30m",
    as_json: Json = False,
) -> None:
    """Say who is called about incidents of these priorities that match."""
    body = {
        "title": title, "steps": [_read_step(one) for one in step], "matchers": matchers or [],
        "priorities": priority or ["P1"], "acknowledged_s": seconds(acknowledged),
    }  # fmt: skip
    KIND.add(body, as_json)


@app.command()
def change(
    policy: Id,
    matchers: Matchers = None,
    title: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    step: Annotated[list[str] | None, typer.Option("--step", help=STEP)] = None,
    priority: Annotated[list[str] | None, typer.Option("--priority", help="P1 to P4; again for more.")] = None,
    acknowledged: Annotated[str | None, typer.Option(help="How long an acknowledgement holds.")] = None,
    as_json: Json = False,
) -> None:
    """Change what is given; the rest stays. Steps and priorities are given whole."""
    given = {
        "title": title, "steps": [_read_step(one) for one in step or []] or None, "matchers": matchers or None,
        "priorities": priority or None, "acknowledged_s": None if acknowledged is None else seconds(acknowledged),
    }  # fmt: skip
    KIND.change(policy, given, as_json)


def _read_step(text: str) -> dict[str, Any]:
    who, at, when = text.rpartition("@")
    after, *again = [part.strip() for part in when.split(",")]
    if not (who and at) or len(again) not in (0, 2) or (again and not again[0].isdecimal()):
        raise Trouble(f"{text!r}: write a step as {STEP}")
    more = {"repeat": int(again[0]), "every_s": seconds(again[1])} if again else {}
    return {"who": who, "after_s": seconds(after), **more}
