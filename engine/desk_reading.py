"""What commands show: the incidents that are open, and who is on call."""

from core.catalogue import Language, say
from core.incident import IncidentState, Priority
from core.message import Message, Tone
from core.phrases_desk import PHRASES
from core.plain_text import cut, visible
from store import incidents, rotas
from store.pool import Connection, Row, now

SHOWN_MAX = 10
ROTAS_MAX = 20
TITLE_CHARS_MAX = 120
LIVE = [state for state in IncidentState if state is not IncidentState.RESOLVED]


async def open_incidents(conn: Connection, language: Language) -> Message:
    """The newest open incidents, and how many there are."""
    facets = await incidents.facets(conn)
    count = sum(row["incidents"] for row in facets if row["state"] in LIVE)
    if not count:
        return Message(say(PHRASES, "incidents.none", language), Tone.GOOD)
    found: list[Row] = []
    for state in LIVE:
        found += await incidents.page(conn, before=None, state=state, service=None, rows=SHOWN_MAX)
    newest = sorted(found, key=lambda row: row["number"], reverse=True)[:SHOWN_MAX]
    rows = [(f"#{row['number']}", _line(row, language)) for row in newest]
    more = say(PHRASES, "incidents.more", language, count=count - len(newest)) if count > len(newest) else ""
    tone = Tone.BAD if any(row["priority"] == Priority.P1 for row in newest) else Tone.WAITING
    return Message(say(PHRASES, "incidents.title", language, count=count), tone, rows, footer=more)


async def on_call(conn: Connection, language: Language) -> Message:
    """Who is on call by each rota."""
    found = await rotas.answers(conn, await now(conn))
    if not found:
        return Message(say(PHRASES, "oncall.none", language))
    rows = [
        (row["name"], say(PHRASES, "oncall.until", language, person=who.person, until=f"{who.until:%m-%d %H:%M} UTC")
         if who.until else who.person)
        for row, who in found[:ROTAS_MAX]
    ]  # fmt: skip
    return Message(say(PHRASES, "oncall.title", language), Tone.NEUTRAL, rows)


def _line(row: Row, language: Language) -> str:
    return say(
        PHRASES, "incidents.line", language, priority=row["priority"], firing=row["firing_count"],
        state=say(PHRASES, f"state.{row['state']}", language), title=cut(visible(row["title"]), TITLE_CHARS_MAX),
    )  # fmt: skip
