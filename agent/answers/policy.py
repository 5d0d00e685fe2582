"""Why something is not done: what the gate says of a playbook on an incident now, and what it refused before."""

from collections.abc import Sequence

from agent.about import About, Said, first, shown
from agent.offer import Ruling, read_rulings
from core.asked import playbooks_meant
from core.decision import MAY_ACT, Decision, decision_of
from core.execution import State
from core.incident import signature_class
from core.phrases_gate import gate_words
from core.playbook import Playbook
from core.resource import target_words
from store import alerts, executions
from store.pool import Row
from tools.act.looking import look_around
from tools.act.proposals import current_playbooks

PLAYBOOKS_SHOWN_MAX = 4
ALSO_SHOWN_MAX = 2
REFUSALS_SHOWN_MAX = 4


async def rulings(about: About, incident: Row, books: Sequence[Playbook]) -> list[Ruling]:
    """What the gate says of these playbooks on this incident now, each on the target on which it gets furthest."""
    sights = await look_around(about.ctx.store, about.ctx.site, incident["id"], [book.action for book in books])
    async with about.ctx.store.begin() as conn:
        return await read_rulings(conn, about.ctx.site, incident, books, sights)


def said_of(about: About, decision: Decision) -> str:
    """A decision in the language of the answer."""
    return shown(gate_words(decision, about.language))


async def why_not(about: About, incident: Row) -> Said:
    """About the playbook or deed that is named; without one, about what was refused."""
    async with about.ctx.store.begin() as conn:
        books = await current_playbooks(conn, about.ctx.site)
        rows = await alerts.summary(conn, incident["id"])
        done = await executions.of_incident(conn, incident["id"])
    meant = [books[key] for key in playbooks_meant(about.asked.text, books) if books[key].acts]
    if not meant:
        return Said(tuple(_refused(about, incident, done)))
    kind, name = signature_class(incident["signature"]), rows[0]["name"] if rows else ""
    # "restart" names many playbooks; those that are written for this trouble are meant, where there are any.
    fitting = [book for book in meant if book.fits(kind, name)] or meant
    ruled = await rulings(about, incident, fitting[:PLAYBOOKS_SHOWN_MAX])
    lines = [] if ruled else [about.say("no_target", playbook=fitting[0].id)]
    for ruling in ruled:
        lines += _ruled(about, ruling)
        if not ruling.book.fits(kind, name):
            lines.append(f"  {about.say('fits_not', kind=kind)}")
    if len(fitting) > PLAYBOOKS_SHOWN_MAX:
        lines.append(about.say("more", count=len(fitting) - PLAYBOOKS_SHOWN_MAX))
    if done and done[-1]["playbook_id"] not in [book.id for book in meant]:
        lines.append(about.say("other_chosen", playbook=shown(done[-1]["playbook_id"])))
    return Said(tuple(lines))


def _ruled(about: About, ruling: Ruling) -> list[str]:
    decision, target = ruling.decision, shown(target_words(ruling.target))
    lines = [about.say("gate_says", playbook=ruling.book.id, target=target, words=said_of(about, decision))]
    if decision.verb in MAY_ACT:
        return lines
    # The others would have to be cured as well.
    also = [other for other in ruling.said[1:] if other.verb not in MAY_ACT]
    return [*lines, *(f"  + {said_of(about, other)}" for other in also[:ALSO_SHOWN_MAX])]


def _refused(about: About, incident: Row, done: Sequence[Row]) -> list[str]:
    refused = [row for row in done if row["state"] == State.DENIED]
    lines = [
        about.say(
            "was_refused",
            playbook=shown(row["playbook_id"]),
            target=shown(target_words(row["resource_id"])),
            words=said_of(about, decision_of(row["decision"])),
        )
        for row in reversed(refused)
    ]
    return first(lines, REFUSALS_SHOWN_MAX, about) or [about.say("nothing_refused", number=incident["number"])]
