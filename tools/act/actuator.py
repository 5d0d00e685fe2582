"""The small interface of every actuator: an order in, what is known of its effect out; and a look that changes nothing.

An actuator is a module with `act(order)` and `probe(order)`. `act` is called at most once for a key, after the intent
is committed; where its answer is unclear it says `unknown`, and only `probe`, read-only, may find out more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.intent import Intent
from core.plain_text import cut, visible
from core.site import Site

SHOWN_CHARS_MAX = 300


class Effect(StrEnum):
    """What is known of the effect of a call."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Probe(StrEnum):
    """What a read-only look at the target says of an earlier call."""

    SAW_EFFECT = "saw_effect"
    NO_EFFECT = "no_effect"
    RUNNING = "running"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Answer:
    """The effect, and what the target said, cut and made visible."""

    effect: Effect
    detail: str


@dataclass(frozen=True)
class Order:
    """An approved action. `key` is the execution's id; `age_s` is how long ago it was acted on, for a probe."""

    site: Site
    intent: Intent
    key: str
    timeout_s: float = 60.0
    age_s: float = 0.0
    card: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A parameter as text, empty where there is none."""
        return str(self.intent.parameters.get(name, ""))

    @property
    def seen(self) -> Mapping[str, Any]:
        """What was read of the target when the action was proposed."""
        seen = self.intent.observed.get("seen", {})
        return seen if isinstance(seen, Mapping) else {}


def refused(detail: str) -> Answer:
    """Nothing happened, and why."""
    return Answer(Effect.REFUSED, f"nothing was sent: {shown(detail)}")


def shown(what: object) -> str:
    """Foreign text or an error, fit to be stored and shown."""
    return cut(visible(str(what) or type(what).__name__), SHOWN_CHARS_MAX)


def without(text: str, secrets: Iterable[str]) -> str:
    """Foreign text without the secrets that we sent, whole or without the word before them."""
    for secret in secrets:
        for word in {secret, secret.rpartition(" ")[2]} - {""}:
            text = text.replace(word, "***")
    return text
