"""The buttons below a message: their words, their looks, and the tickets that say what they do."""

from collections.abc import Mapping, Sequence

from core.catalogue import Language, say
from core.desk import Verb
from core.incident import IncidentState
from core.message import Button, Style
from core.phrases_cards import PHRASES

Layout = Sequence[Sequence[Verb]]
STYLES = {Verb.APPROVE: Style.PRIMARY, Verb.REJECT: Style.DANGER, Verb.STOP: Style.DANGER, Verb.FIXED_BY: Style.PRIMARY}


def offered(layout: Layout, state: str) -> Layout:
    """What can be done about an incident in this state: nobody acknowledges or escalates what is so already."""
    hidden = set() if state in (IncidentState.OPEN, IncidentState.ESCALATED) else {Verb.ACKNOWLEDGE}
    hidden |= {Verb.ESCALATE} if state == IncidentState.ESCALATED else set()
    return tuple(tuple(verb for verb in row if verb not in hidden) for row in layout)


def buttons(layout: Layout, tickets: Mapping[Verb, str], language: Language) -> tuple[tuple[Button, ...], ...]:
    """Rows of buttons; one without a ticket is left out, since it could do nothing."""
    rows = [tuple(_button(verb, tickets[verb], language) for verb in row if tickets.get(verb)) for row in layout]
    return tuple(row for row in rows if row)


def _button(verb: Verb, ticket: str, language: Language) -> Button:
    return Button(say(PHRASES, f"button.{verb}", language), verb, ticket, STYLES.get(verb, Style.PLAIN))
