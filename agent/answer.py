"""An answer of a tool, and the fenced, redacted, cut form in which a model reads it."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from agent.redaction import Redactor
from core.evidence import Evidence
from core.plain_text import cut, storable, visible

LINE_CHARS_MAX = 480
WITHHELD = "withheld: the answer could not be redacted. Give up on this question."


@dataclass(frozen=True)
class Answer:
    """What a tool found. `reason` says why there is nothing, or what is missing where `cut` is true.

    `evidence` are positive findings that a conclusion may cite; `again` is a fault that other arguments can cure.
    """

    source: str
    lines: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    cut: bool = False
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    fault: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The text for the model; its size, and whether something was left out."""

    text: str
    cut: bool

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.text.encode())


def tell(asked: str, answer: Answer, redactor: Redactor, bytes_max: int) -> Told:
    """Redact, shorten, fence. Where redaction fails, the answer is withheld as a whole."""
    try:
        body = redactor.redact(storable("\n".join([f"asked: {asked}", *_head(answer), *answer.lines])))
    except Exception:  # whatever went wrong, unredacted text must not leave
        body, answer = WITHHELD, Answer(answer.source)
    lines = [cut(visible(line), LINE_CHARS_MAX) for line in body.split("\n")]
    fence = _fence(body)
    opening, closing = f"[data {fence}]", f"[end of data {fence}]"
    room = bytes_max - len(f"{opening}\n\n{closing}".encode())
    kept, is_short = _within(lines, room)
    return Told("\n".join([opening, *kept, closing]), answer.cut or is_short)


def _head(answer: Answer) -> list[str]:
    head = [f"source: {answer.source}"]
    if answer.start and answer.end:
        head.append(f"time range: {answer.start:%Y-%m-%dT%H:%M:%SZ} to {answer.end:%Y-%m-%dT%H:%M:%SZ}")
    if answer.fault:
        kind = "error, try again differently" if answer.again else "error, give up on this question"
        return [*head, f"{kind}: {answer.fault}"]
    if not answer.lines:
        return [*head, f"result: no data ({answer.reason or 'nothing was found'})"]
    missing = f", cut ({answer.reason})" if answer.cut else ", complete"
    return [*head, f"result: {len(answer.lines)} lines{missing}"]


def _fence(body: str) -> str:
    """A word that the data cannot know, checked all the same."""
    while (fence := secrets.token_hex(8)) in body:
        continue
    return fence


def _within(lines: list[str], bytes_max: int) -> tuple[list[str], bool]:
    note = "... the rest was cut; ask for less"
    left = bytes_max - len(note.encode()) - 1
    if sum(len(line.encode()) + 1 for line in lines) - 1 <= bytes_max:
        return lines, False
    kept = []
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    return [*kept, note], True
