"""The question after an incident that people ended by hand: what fixed it? The answer takes its place."""

from collections.abc import Mapping
from typing import Any

from core.catalogue import Language, say
from core.desk import Verb
from core.message import Message, Tone
from core.phrases_cards import PHRASES
from tools.notify.buttons import Layout, buttons
from tools.notify.page_message import incident_title, labelled

LAYOUT: Layout = ((Verb.FIXED_BY,),)


def fix_message(
    incident: Mapping[str, Any], told: Mapping[str, Any] | None, language: Language, tickets: Mapping[Verb, str]
) -> Message:
    """The question, or what a person told."""
    number, shown = incident["number"], [("", incident_title(incident))]
    if told is None:
        rows = [*shown, ("", say(PHRASES, "fix.text", language))]
        title = say(PHRASES, "fix.title", language, number=number)
        return Message(title, Tone.WAITING, rows, buttons=buttons(LAYOUT, tickets, language))
    did = " · ".join(filter(None, (told["playbook_id"], told["words"])))
    said = say(PHRASES, "fix.alone", language) if told["is_alone"] else did
    by = say(PHRASES, "fix.by", language, who=str(told["told_by"]).removeprefix("person:"))
    rows = [*shown, *labelled([("fixed", said)], language)]
    return Message(say(PHRASES, "fix.told", language, number=number), Tone.GOOD, rows, footer=by)
