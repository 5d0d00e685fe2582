"""What a question is about: which incident, in which language, with what is known of it in the tables now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from agent.context import Context
from agent.redaction import Redactor
from core.asked import Asked, language_heard, named_in, recognise
from core.catalogue import Language, language_of, say
from core.errors import NotFound
from core.evidence import Evidence
from core.phrases_answers import ANSWERS, STATES
from core.plain_text import cut, visible
from store import incidents, pool
from store.pool import Connection, Row

OPEN_MAX = 50
LINE_CHARS_MAX = 240
WITHHELD = "(withheld)"


@dataclass(frozen=True)
class Said:
    """An answer: its lines, and the findings that they rest on."""

    lines: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class About:
    """A question with its incident (None: in general, or one that was not to be told), and every open incident.

    `missing` is a number that was named and that no incident has.
    """

    ctx: Context
    asked: Asked
    language: Language
    incident: Row | None
    open: tuple[Row, ...]
    now: datetime
    missing: int | None = None
    redactor: Redactor = field(default_factory=Redactor)

    def say(self, key: str, **values: object) -> str:
        """A sentence in the language of the answer."""
        return say(ANSWERS, key, self.language, **values)

    def redacted(self, text: str) -> str:
        """A text without secrets and addresses."""
        try:
            return self.redactor.redact(text)
        except Exception:  # whatever went wrong, unredacted text must not leave
            return WITHHELD

    def observed(self, text: str) -> str:
        """What was seen of the outside, as part of a line that may go to a chat of another company."""
        return shown(self.redacted(text))

    def told(self, fact: Evidence, key: str = "") -> dict[str, object]:
        """A finding as the chat's rows show it; `key` is what the answer calls it."""
        said = {"id": key or fact.id, "evidence_kind": str(fact.kind), "statement": self.observed(fact.statement)}
        return {**said, "source": fact.source, "outsider": fact.outsider}

    def state(self, word: str) -> str:
        """What an enumerated state is called."""
        return say(STATES, word, self.language) if word in STATES else word


async def read_about(ctx: Context, text: str, incident_id: UUID | None, language: str) -> About:
    """Find the incident: the one whose number is named, else the thread's, else the only open one it can be."""
    asked = recognise(text)
    spoken = language_heard(text, language_of(language))
    async with ctx.store.begin() as conn:
        now = await pool.now(conn)
        unresolved = tuple(await incidents.unresolved(conn, rows=OPEN_MAX))
        found = await _named(conn, asked.number) if asked.number else None
        missing = asked.number if found is None else None
        if found is None and asked.number is None and incident_id is not None:
            found = await incidents.get(conn, incident_id)
    if found is None and missing is None:
        services = named_in(text, ctx.site.services)
        possible = [row for row in unresolved if row["service"] in services] or unresolved
        found = possible[0] if len(possible) == 1 else None
    return About(ctx, asked, spoken, found, unresolved, now, missing)


async def _named(conn: Connection, number: int) -> Row | None:
    try:
        return await incidents.by_number(conn, number)
    except NotFound:
        return None


def shown(text: object) -> str:
    """A value from a table as part of a line: short, nothing invisible, no line of its own."""
    return cut(visible(str(text)).replace("\n", " "), LINE_CHARS_MAX)


def clock_told(at: datetime, now: datetime) -> str:
    """`03:01Z` on the day of `now`, else with its date."""
    utc = at.astimezone(UTC)
    return utc.strftime("%H:%MZ" if utc.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%MZ")


def first(lines: Sequence[str], most: int, about: About) -> list[str]:
    """The first lines, and how many are left out."""
    left = len(lines) - most
    return [*lines[:most], *([about.say("more", count=left)] if left > 0 else [])]
