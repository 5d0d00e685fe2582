"""What history tells of an incident: similar ones and how they ended, and which fix it recommends, on what basis."""

from agent.about import About, Said, shown
from agent.answers.policy import rulings, said_of
from agent.recollection import past_fixes
from core.advice import advise
from core.evidence import Evidence, EvidenceKind
from core.incident import signature_class
from core.resource import target_words
from knowledge.records import Where, track_records
from store import alerts, diagnoses
from store.pool import Row
from tools.act.proposals import current_playbooks

PAST_SHOWN_MAX = 3


async def similar_incidents(about: About, incident: Row) -> Said:
    """Past repairs of the same kind of trouble, and how each ended."""
    past = (await past_fixes(about.ctx, incident))[:PAST_SHOWN_MAX]
    if not past:
        return Said((about.say("nothing_similar"),))
    lines = [
        about.say(
            "past_fix", number=fix.incident_number, day=f"{fix.created_at:%Y-%m-%d}", event=about.observed(fix.event),
            action=about.observed(fix.action), result=about.observed(fix.result),
        )
        for fix in past
    ]  # fmt: skip
    evidence = [
        Evidence(f"#{fix.incident_number}", EvidenceKind.PAST_INCIDENT, line, "past fixes", at=fix.created_at)
        for fix, line in zip(past, lines, strict=True)
    ]
    return Said((about.say("similar", number=incident["number"]), *lines), tuple(evidence))


async def recommended_fix(about: About, incident: Row) -> Said:
    """The playbook with the best record that today's finding allows, and what policy says of it now."""
    site = about.ctx.site
    async with about.ctx.store.begin() as conn:
        books = await current_playbooks(conn, site)
        rows = await alerts.summary(conn, incident["id"])
        known = await diagnoses.last(conn, incident["id"])
        kind, name = signature_class(incident["signature"]), rows[0]["name"] if rows else ""
        fitting = [book for book in books.values() if book.fits(kind, name)]
        records = await track_records(conn, Where.of(incident, site.timings.rate_half_life_s), fitting)
    advice = advise(fitting, records, str(known["body"].get("cause", "")) if known else "")
    against = (about.observed(advice.disagreement),) if advice.disagreement else ()
    found = advice.recommendation
    if found is None:
        return Said((about.say("no_fix"), *against))
    book = found.playbook
    lines = [
        about.say(
            "recommended", playbook=book.id, title=shown(book.title), record=found.record.words(), basis=advice.basis
        ),
        about.say("because", text=shown("; ".join(advice.reasons))),
        *(about.say("else", playbook=other.id, record=record.words()) for other, record in found.alternatives),
        *against,
    ]
    for ruling in await rulings(about, incident, [book]):
        lines.append(
            about.say("gate_now", target=shown(target_words(ruling.target)), words=said_of(about, ruling.decision))
        )
    return Said(tuple(lines))
