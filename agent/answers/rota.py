"""Who is on call now: by the rota of the team that owns the service, else by every rota there is."""

from agent.about import About, Said, clock_told, first, shown
from core.asked import named_in
from core.rota import OnCall
from store import rotas
from store.pool import Row

ROTAS_SHOWN_MAX = 8


async def who_is_on_call(about: About) -> Said:
    """For the service that is named, else the incident's; without either, for all rotas."""
    named = named_in(about.asked.text, about.ctx.site.services)
    services = named or ((about.incident["service"],) if about.incident else ())
    async with about.ctx.store.begin() as conn:
        found = [held for service in services if (held := await rotas.for_service(conn, service, about.now))]
        every = found or await rotas.answers(conn, about.now)
    lines = list(dict.fromkeys(_line(about, row, who) for row, who in every))
    return Said(tuple(first(lines, ROTAS_SHOWN_MAX, about)) or (about.say("no_rota"),))


def _line(about: About, row: Row, who: OnCall) -> str:
    said = {"rota": shown(row["name"]), "who": shown(who.person), "reason": about.state(who.reason)}
    if who.until is None:
        return about.say("on_call", **said)
    return about.say("on_call_until", **said, until=clock_told(who.until, about.now))
