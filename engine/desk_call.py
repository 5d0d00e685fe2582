"""One errand at the desk: who asks for what, and how the answer is said in their language."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.catalogue import Language, say
from core.decision import Guardrail
from core.desk import Done, Refusal
from core.errors import BadInput, IllegalTransition, NightshiftError, NotFound, Unavailable
from core.message import Message
from core.phrases_desk import PHRASES
from core.phrases_gate import GUARDRAILS
from core.plain_text import cut, visible
from core.role import Role
from core.site import Channel, Site
from engine.approving import Person
from engine.desk_form import Click, Form, Said
from engine.house import House
from store import incidents
from store.pool import Connection, Row
from tools.act.sight import Sights

DETAIL_CHARS_MAX = 300


class Denied(NightshiftError):
    """The desk says no, for one of its reasons; `values` are those of its sentence."""

    def __init__(self, reason: Refusal, **values: object) -> None:
        super().__init__(f"the desk refused: {reason}")
        self.reason, self.values = reason, values


@dataclass(frozen=True, slots=True)
class Call:
    """A click that was let in, inside the transaction that its work is done in.

    `sights` is what was seen of the targets before, for the verbs that need it.
    """

    conn: Connection
    house: House
    site: Site
    channel: Channel
    click: Click
    ticket: Row
    person: Person
    role: Role
    language: Language
    sights: Sights | None = None

    async def incident(self) -> Row:
        """The incident of the ticket, locked: two clicks about one incident come one after the other."""
        if self.ticket["incident_id"] is None:
            raise Denied(Refusal.NO_SUCH_TICKET)
        return await incidents.get(self.conn, self.ticket["incident_id"], lock=True)

    def subject(self) -> UUID:
        """The id that the ticket is about."""
        try:
            return UUID(self.ticket["subject"])
        except ValueError:
            raise Denied(Refusal.NO_SUCH_TICKET) from None

    def done(self, what: Done, *, message: Message | None = None, **values: object) -> Said:
        """The answer where something was done, or was done before."""
        return done(self.language, what, message=message, **values)

    def refused(self, error: NightshiftError) -> Said:
        """The answer where nothing was done."""
        return refused(self.language, error)

    def needs_words(self, form: Form) -> Said:
        """The answer where words are needed first."""
        return Said(form.title, False, Done.WORDS_NEEDED, form)

    def phrase(self, key: str, **values: object) -> str:
        """A sentence or label in the language of who asks."""
        return say(PHRASES, key, self.language, **values)


def done(language: Language, what: Done, *, message: Message | None = None, **values: object) -> Said:
    """The answer where something was done, or was done before."""
    return Said(say(PHRASES, f"done.{what}", language, **values), False, what, message=message)


def refused(language: Language, error: NightshiftError) -> Said:
    """The answer where nothing was done, whatever the reason."""
    detail = cut(visible(error.detail), DETAIL_CHARS_MAX)
    if isinstance(error, Denied):
        values = {name: cut(visible(str(value)), DETAIL_CHARS_MAX) for name, value in error.values.items()}
        return Said(say(PHRASES, f"no.{error.reason}", language, **values), True, error.reason)
    reason = str(getattr(error, "reason", "")) or _kind(error)
    if reason in GUARDRAILS:
        return Said(f"{GUARDRAILS[Guardrail(reason)].text(language)} ({detail})", True, reason)
    key = f"no.{reason}" if f"no.{reason}" in PHRASES and reason not in NEED_VALUES else "no.other"
    return Said(say(PHRASES, key, language, reason=reason, detail=detail), True, reason)


NEED_VALUES = frozenset({Refusal.ROLE_MISSING, Refusal.TOO_LONG, Refusal.DECIDED, Refusal.INCIDENT_OVER,
                         Refusal.NOTHING_FIRES, Refusal.TOO_WIDE, Refusal.NO_SUCH_INCIDENT})  # fmt: skip
"""Sentences with facts in them that only the desk itself knows to put there."""


def clock(moment: datetime) -> str:
    """A moment as people read it in a chat; always in UTC, since a group is in many zones."""
    return f"{moment:%H:%M} UTC"


def _kind(error: NightshiftError) -> str:
    kinds = ((Unavailable, Refusal.BUSY), (BadInput, Refusal.BAD_INPUT), (NotFound, Refusal.NOT_FOUND))
    found = next((reason for kind, reason in kinds if isinstance(error, kind)), None)
    return str(found or (Refusal.MOVED_ON if isinstance(error, IllegalTransition) else "refused"))
