"""`nightshift ask` and `nightshift chat`: the answer on stdout as it comes, what is done meanwhile on stderr."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import BROKEN, REFUSED, Json, Trouble
from api.cli.screen import pairs, print_json, warn
from core.plain_text import cut, visible

PIPED_CHARS_MAX = 12_000
QUESTION_CHARS_MAX = 3_000
INTERRUPTED = 130
ENDS = ("run.finished", "run.paused", "error")
DONE = ("answered", "proposed")

Incident = Annotated[str | None, typer.Option(metavar="NUMBER", help="The incident that it is about.")]
Thread = Annotated[str | None, typer.Option(metavar="ID", help="Go on with this conversation.")]
Language = Annotated[str, typer.Option(help="en, zh-Hans or zh-Hant; for answers without a model.")]


@dataclass
class Heard:
    """What came of one question. `shown` is what stands on the screen already."""

    run_id: str
    as_json: bool
    text: str = ""
    shown: str = ""
    outcome: str = ""
    reason: str = ""
    approval_id: str | None = None
    degraded: str | None = None
    tools: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code: 0 answered, 1 broken, 2 not answered as wanted."""
        if self.reason:
            return BROKEN
        return 0 if self.outcome in DONE and not self.degraded else REFUSED

    def take(self, row: Mapping[str, Any]) -> bool:
        """Show a row of the thread; True at the end of this run."""
        if row["run_id"] == self.run_id:
            kind, body = str(row["kind"]), row["body"]
            if show := SHOWN.get(kind):
                show(self, body)
            return kind in ENDS
        return False

    def speak(self, text: str) -> None:
        """More of the answer. After a restart it begins anew: what stands there already is not said twice."""
        self.text += text
        if self.as_json:
            return
        if not self.text.startswith(self.shown[: len(self.text)]):
            sys.stdout.write("\n")
            self.shown = ""
        new = self.text[len(self.shown) :]
        sys.stdout.write(visible(new))
        sys.stdout.flush()
        self.shown += new


def _token(heard: Heard, body: Mapping[str, Any]) -> None:
    heard.speak(str(body["text"]))


def _restarted(heard: Heard, body: Mapping[str, Any]) -> None:
    heard.text = ""
    warn("(its worker was lost; another one begins anew)")


def _tool(heard: Heard, body: Mapping[str, Any]) -> None:
    heard.tools.append(str(body.get("tool", "")))
    warn(f"… {body.get('tool', '')} {body.get('asked', '')}".rstrip())


def _degraded(heard: Heard, body: Mapping[str, Any]) -> None:
    heard.degraded = str(body.get("reason", ""))
    warn(f"({body.get('text', '')})")


def _card(heard: Heard, body: Mapping[str, Any]) -> None:
    from core.card import card_lines

    heard.approval_id = str(body["approval_id"])
    pairs("Waits for a person", card_lines(body.get("card") or {}), to_stderr=True)
    warn(f"nightshift approvals show {heard.approval_id}")


def _ended(heard: Heard, body: Mapping[str, Any]) -> None:
    heard.outcome, heard.text = str(body["outcome"]), str(body["text"])
    heard.approval_id = body.get("approval_id") or heard.approval_id


def _failed(heard: Heard, body: Mapping[str, Any]) -> None:
    heard.outcome, heard.reason = "failed", str(body["reason"])
    warn(f"{body['text']} [{heard.reason}]")


SHOWN: dict[str, Callable[[Heard, Mapping[str, Any]], None]] = {
    "token": _token,
    "run.restarted": _restarted,
    "tool.started": _tool,
    "degraded": _degraded,
    "approval.requested": _card,
    "run.finished": _ended,
    "run.paused": _ended,
    "error": _failed,
}


def ask(
    words: Annotated[list[str] | None, typer.Argument(metavar="QUESTION", help="What you want to know.")] = None,
    incident: Incident = None,
    thread: Thread = None,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Ask one question. What is piped in goes along; Ctrl-C stops the answer."""
    question = " ".join(words or []).strip()
    if len(question) > QUESTION_CHARS_MAX:
        raise Trouble(f"The question has {len(question)} characters, at most {QUESTION_CHARS_MAX}. Pipe long text in.")
    piped = "" if sys.stdin.isatty() else sys.stdin.read(PIPED_CHARS_MAX * 10).strip()
    if len(piped) > PIPED_CHARS_MAX:
        warn(f"(what was piped in is cut to {PIPED_CHARS_MAX} characters)")
        piped = cut(piped, PIPED_CHARS_MAX)
    text = "\n\n".join(filter(None, (question, piped)))
    if not text:
        raise Trouble('Ask something: nightshift ask "what changed on checkout in the last hour?"')
    place = thread or _begin(incident, question)
    heard = _hear(place, text, language, as_json)
    if as_json:
        print_json(
            {
                "thread_id": place, "run_id": heard.run_id, "outcome": heard.outcome, "reason": heard.reason,
                "text": heard.text, "approval_id": heard.approval_id, "degraded": heard.degraded, "tools": heard.tools,
            }
        )  # fmt: skip
    if heard.outcome == "cancelled":
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(heard.code)


def chat(incident: Incident = None, thread: Thread = None, language: Language = "en") -> None:
    """Talk: a question on each line. Ctrl-C stops an answer, Ctrl-D leaves."""
    place = thread
    if sys.stdin.isatty():
        warn("Ask; Ctrl-C stops an answer, Ctrl-D leaves.")
    code = 0
    while (text := _line()) is not None:
        if text:
            place = place or _begin(incident, text)
            code = _hear(place, text, language, as_json=False).code
    if place:
        warn(f"Go on with: nightshift chat --thread {place}")
    raise typer.Exit(0 if sys.stdin.isatty() else code)


def _line() -> str | None:
    """The next question; None at the end. The prompt goes to stderr, as it is no data."""
    try:
        if sys.stdin.isatty():
            sys.stderr.write("> ")
            sys.stderr.flush()
        text = sys.stdin.readline()
    except KeyboardInterrupt:
        return None
    return text.strip() if text else None


def _begin(incident: str | None, title: str) -> str:
    about = {"incident": incident.removeprefix("#")} if incident else {}
    return str(client.post("/threads", {"title": cut(title, 80), **about})["id"])


def _hear(place: str, text: str, language: str, as_json: bool) -> Heard:
    """Ask, and show the answer until its end; Ctrl-C cancels it."""
    if not place.replace("-", "").isalnum():
        raise Trouble(f"{place!r} is not the id of a conversation.")
    asked = client.post(f"/threads/{place}/messages", {"text": text, "language": language})
    heard = Heard(asked["run_id"], as_json)
    path = f"/threads/{place}/events"
    try:
        for row in client.events(path, asked["seq"]):
            if heard.take(row):
                break
    except KeyboardInterrupt:
        client.post(f"/threads/{place}/cancel", {})
        warn("\n(stopped)")
        heard.outcome = "cancelled"
    if heard.shown and not heard.shown.endswith("\n"):
        sys.stdout.write("\n")
        sys.stdout.flush()
    return heard
