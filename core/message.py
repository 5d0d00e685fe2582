"""What is said in a chat, before any platform's form: a message with labelled rows and buttons."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """What kind of news it is; platforms show it as a sign or a colour."""

    BAD = "bad"
    WAITING = "waiting"
    GOOD = "good"
    NEUTRAL = "neutral"


class Style(StrEnum):
    """How a button looks."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """One thing that can be pressed. `ticket` names the row that says what it does."""

    words: str
    verb: str
    ticket: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text throughout, in one language already: nothing in it is markup, and no platform may read it as such.

    `rows` are label and text; an empty label goes on with the row before. `code` is shown exactly as it is. `more` is
    long output that goes along as a file named `more_name`.
    """

    title: str
    tone: Tone = Tone.NEUTRAL
    rows: Sequence[tuple[str, str]] = ()
    code: str = ""
    footer: str = ""
    buttons: Sequence[Sequence[Button]] = ()
    more: str = ""
    more_name: str = "output.txt"
