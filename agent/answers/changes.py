"""What was changed: of the services that are named, else of the incident's, else of all."""

from datetime import datetime, timedelta

from agent.about import About, Said, clock_told, first
from agent.trouble import trouble_of
from core.asked import named_in
from core.resource import UNKNOWN
from store import alerts
from tools.read import changes

MINUTES_USUAL = 60
CHANGES_SHOWN_MAX = 8
SERVICES_MAX = 200


async def what_changed(about: About) -> Said:
    """The changes that were reported, newest first, with how long before the first alert they were."""
    services, environment, first_alert = await _where(about)
    start = (first_alert or about.now) - timedelta(minutes=about.asked.minutes or MINUTES_USUAL)
    async with about.ctx.store.begin() as conn:
        seen = await changes.read(conn, environment, services, start, about.now, first_alert or about.now)
    told = ", ".join(services) if len(services) <= 4 else about.say("all_services", count=len(services))
    span = {"start": clock_told(start, about.now), "end": clock_told(about.now, about.now)}
    if not seen:
        return Said((about.say("nothing_changed", services=told, **span),))
    lines = []
    for fact in seen:
        # Without an incident there is no first alert that it could be told against.
        text = fact.statement if first_alert else fact.statement.rpartition(", ")[0]
        lines.append(f"{clock_told(fact.at, about.now) if fact.at else ''} {about.observed(text)}".strip())
    heading = about.say("changed", services=told, **span)
    return Said((heading, *first(lines, CHANGES_SHOWN_MAX, about)), tuple(seen[:CHANGES_SHOWN_MAX]))


async def _where(about: About) -> tuple[tuple[str, ...], str, datetime | None]:
    site, incident = about.ctx.site, about.incident
    named = named_in(about.asked.text, site.services)
    if incident is None or (named and incident["service"] not in named):
        return (named or tuple(site.services))[:SERVICES_MAX], site.environment, None
    async with about.ctx.store.begin() as conn:
        trouble = trouble_of(site, incident, await alerts.summary(conn, incident["id"]), about.now)
    environment = trouble.environment if trouble.environment != UNKNOWN else site.environment
    return named or trouble.services, environment, trouble.started_at
