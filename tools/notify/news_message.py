"""One-off news in an incident's thread: it is open again, somebody is called, the glass was broken."""

from collections.abc import Mapping
from typing import Any

from core.catalogue import Language, say
from core.execution import State
from core.message import Message, Tone
from core.phrases_outcome import PHRASES
from core.resource import target_words
from tools.notify.page_message import incident_title, labelled, state_words

ABOUT_ACTIONS = ("cascade", "came_back")
"""News for which it no longer matters what was found before the action."""
ENDED = frozenset(str(state) for state in State) - {State.NEEDS_HUMAN}


def news_message(incident: Mapping[str, Any], kind: str, body: Mapping[str, Any], language: Language) -> Message:
    """What is new. `kind` is that of the outbox, with what belongs to it behind the first colon."""
    name, _, more = kind.partition(":")
    title, state = _title(name, more, body, language), state_words(incident, language)
    rows = [
        ("state", "" if state.lower() == title.lower() else state),
        ("called", " · ".join(dict.fromkeys(str(body[key]) for key in ("person", "who") if body.get(key)))),
        ("neighbour", str(body.get("neighbour", ""))),
        ("called_by", str(body.get("by", "")) if name == "escalated" else ""),
        ("reason", str(body.get("reason", ""))),
        ("why", str(body.get("found", "")) if name not in ABOUT_ACTIONS else ""),
        ("action", str(body.get("action", ""))),
        ("target", target_words(str(body.get("target", "")))),
        ("way_back", str(body.get("undo", ""))),
    ]
    tone = Tone.NEUTRAL if name == "settled" else Tone.BAD
    return Message(title, tone, (("", incident_title(incident)), *labelled(rows, language)))


def _title(name: str, more: str, body: Mapping[str, Any], language: Language) -> str:
    if name in ENDED:
        return say(PHRASES, "news.ended", language, state=say(PHRASES, name, language))
    key = f"news.{name}" if f"news.{name}" in PHRASES else "news.other"
    who = str(body.get("by", "")) or "-"
    return say(PHRASES, key, language, priority=more.split(":")[0], count=body.get("call", 1), who=who)
