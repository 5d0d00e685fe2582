"""A storm: many incidents told as one message, which is edited while it grows and when it is over."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from core.catalogue import Language, say
from core.desk import Verb
from core.message import Message, Tone
from core.phrases_cards import PHRASES
from core.regrouping import OVER
from tools.notify.buttons import Layout, buttons
from tools.notify.page_message import incident_title, labelled

SHOWN_MAX = 5
LAYOUT: Layout = ((Verb.STOP,),)


def storm_layout(storm: Mapping[str, Any]) -> Layout:
    """Stopping everything is the one thing to do about all of it at once."""
    return () if storm["ended_at"] else LAYOUT


def storm_message(
    storm: Mapping[str, Any], members: Sequence[Mapping[str, Any]], language: Language, tickets: Mapping[Verb, str]
) -> Message:
    """The storm as it is; `members` are the worst first, and perhaps not all."""
    ended, count = storm["ended_at"], storm["incident_count"]
    over = f"{ended.astimezone(UTC):%H:%M}" if ended else ""
    state = say(PHRASES, "storm.over", language, time=over) if ended else say(PHRASES, "storm.lasts", language)
    rows = [("state", state), *[("worst", incident_title(row)) for row in members[:SHOWN_MAX]]]
    if count > SHOWN_MAX:
        rows.append(("", say(PHRASES, "more", language, count=count - SHOWN_MAX)))
    return Message(
        say(PHRASES, "storm.title", language, number=storm["number"], count=count),
        Tone.NEUTRAL if ended and all(row["state"] in OVER for row in members) else Tone.BAD,
        labelled(rows, language),
        buttons=buttons(storm_layout(storm), tickets, language),
    )
