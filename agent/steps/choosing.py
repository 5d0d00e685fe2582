"""What is known at the moment of choosing: diagnosis, playbooks, their records, and the choice that follows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from agent.context import Context
from agent.steps.investigate import read_diagnosis
from core.diagnosis import Diagnosis
from core.incident import signature_class
from core.playbook import Playbook
from core.proposal import Choice, choose
from core.rates import TrackRecord
from knowledge.records import Where, track_records
from store import alerts, incidents
from store.pool import Connection, Row
from tools.act.inventory import read_inventory
from tools.act.proposals import current_playbooks
from tools.act.reach import in_reach
from tools.act.sight import Sights


@dataclass(frozen=True)
class Situation:
    """Everything that a proposal rests on."""

    incident: Row
    diagnosis: Diagnosis
    books: Mapping[str, Playbook]
    records: Mapping[str, TrackRecord]
    choice: Choice


async def read_situation(
    conn: Connection,
    ctx: Context,
    incident_id: UUID,
    attempt: int,
    similar: Mapping[str, float] | None = None,
    sights: Sights | None = None,
) -> Situation:
    """Read it from the tables, now. What no hand here can do is chosen only where nothing else acts.

    `similar`: executions of incidents that are alike by meaning, with how much; `sights`: what was seen a moment ago.
    """
    incident = await incidents.get(conn, incident_id)
    diagnosis = await read_diagnosis(conn, incident_id, attempt)
    books = await current_playbooks(conn, ctx.site)
    alike = {UUID(execution): likeness for execution, likeness in (similar or {}).items()}
    here = Where.of(incident, ctx.site.timings.rate_half_life_s, alike)
    records = await track_records(conn, here, books.values())
    rows = await alerts.summary(conn, incident_id)
    name = rows[0]["name"] if rows else ""
    inventory = await read_inventory(conn, ctx.site, incident, sights)
    kind = signature_class(incident["signature"])
    choices = [
        choose(reached, records, diagnosis, kind, name)
        for reached in in_reach(books.values(), inventory, diagnosis.service)
    ]
    acting = [choice for choice in choices if choice.playbook and choice.playbook.acts]
    # What history says of a playbook that is out of reach here is still worth telling.
    choice = replace((acting or choices)[0], disagreement=choices[-1].disagreement)
    return Situation(incident, diagnosis, books, records, choice)
