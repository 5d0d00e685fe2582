"""What comes to the desk from a chat and what it says: a click, a command, an answer, a form for words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.message import Message
from store.identities import Account


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed a button, or sent the form that it opened (then with `text` or `values`).

    `account` is who pressed, by the platform's own word; `chat` and `ref` are the message that carries the button.
    `delivery` is the platform's id of this click; the same one again does nothing. Without `language`: the channel's.
    """

    account: Account
    channel: str
    chat: str
    ref: str
    ticket: str
    verb: str
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    delivery: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Ordered:
    """Somebody wrote a command, or (`name` empty) words that are addressed to us.

    `chat` and `thread` are where; `name` has no slash; `text` is what follows it. `is_read_by_all`: others see it, too.
    """

    account: Account
    channel: str
    chat: str
    thread: str
    name: str
    text: str
    delivery: str = ""
    language: str = ""
    is_read_by_all: bool = False


class FormKind(StrEnum):
    """For what words are needed."""

    REASON = "reason"
    EDIT = "edit"
    QUESTION = "question"
    FIXED_BY = "fixed_by"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in; `name` is its name in `Click.values`, `value` what stands there at first."""

    name: str
    label: str
    value: str = ""
    is_needed: bool = True
    is_long: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The verb needs words first. `title` is one sentence, also for platforms that can only ask for a reply."""

    kind: FormKind
    ticket: str
    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """The answer to one person: one or two sentences; as an `alert` where nothing was done and they should know.

    `reason` is of core.desk.Done, core.desk.Refusal, or a rule of the engine by its name. `form` asks for words,
    `message` is for the chat or thread where a command was written.
    """

    words: str
    alert: bool
    reason: str
    form: Form | None = None
    message: Message | None = None
