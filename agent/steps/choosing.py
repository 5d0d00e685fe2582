"""What is known at the moment of choosing: diagnosis, playbooks, their records, and the choice that follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from agent.context import Context
from agent.steps.investigate import read_diagnosis
from core.diagnosis import Diagnosis
from core.incident import signature_class
from core.playbook import Playbook
from core.proposal import Choice, choose
from core.rates import TrackRecord
from knowledge.records import track_records
from store import alerts, incidents
from store.pool import Connection, Row
from tools.act.proposals import current_playbooks


@dataclass(frozen=True)
class Situation:
    """Everything that a proposal rests on."""

    incident: Row
    diagnosis: Diagnosis
    books: Mapping[str, Playbook]
    records: Mapping[str, TrackRecord]
    choice: Choice


async def read_situation(conn: Connection, ctx: Context, incident_id: UUID, attempt: int) -> Situation:
    """Read it from the tables, now."""
    incident = await incidents.get(conn, incident_id)
    diagnosis = await read_diagnosis(conn, incident_id, attempt)
    books = await current_playbooks(conn, ctx.site)
    records = await track_records(conn, incident["signature"], list(books))
    rows = await alerts.summary(conn, incident_id)
    name = rows[0]["name"] if rows else ""
    choice = choose(list(books.values()), records, diagnosis, signature_class(incident["signature"]), name)
    return Situation(incident, diagnosis, books, records, choice)
