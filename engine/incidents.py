"""Job bodies of an incident: run or resume its thread, resolve it, fill in missing vectors."""

from typing import Any
from uuid import UUID

from core.alert import alert_from_json
from core.incident import IncidentState
from engine.approving import supersede
from engine.healing import resume
from engine.house import House
from engine.learning import ask_what_fixed
from engine.telling import tell_card
from knowledge.memory import embed_waiting
from store import executions, incidents, regrouping, timeline
from tools.act.proposals import announce

NOT_OVER = [state for state in IncidentState if state is not IncidentState.RESOLVED]


async def run_incident(house: House, incident_id: str) -> None:
    """Start the thread (an incident opened, or a person asks for a diagnosis), or go on with it."""
    await _advance(house, incident_id, begin=True)


async def resume_incident(house: House, incident_id: str) -> None:
    """An execution settled: let the thread read it. A thread whose memory is gone is rebuilt from the tables."""
    async with house.store.begin() as conn:
        tried = [row for row in await executions.of_incident(conn, UUID(incident_id)) if row["origin"] == "thread"]
        begin = bool(tried) and not await timeline.is_reported(conn, UUID(incident_id), tried[-1]["attempt"])
    await _advance(house, incident_id, begin=begin)


async def _advance(house: House, incident_id: str, *, begin: bool) -> None:
    threads = await house.threads()
    waits = await threads.advance(await house.context(), incident_id, begin=begin)
    # Only now, after the thread has come to rest and its memory is stored, people are told of the card.
    if waits:
        await tell_approvals(house, UUID(incident_id))


async def tell_approvals(house: House, incident_id: UUID) -> None:
    """Publish approvals that wait, once each."""
    site = await house.site()
    async with house.store.begin() as conn:
        for approval in await announce(conn, incident_id):
            await tell_card(conn, site.channels, incident_id, approval)


async def resolve_incident(house: House, incident_id: str, by: str = "all alerts resolved") -> None:
    """Resolve an incident whose alerts are all over; what was proposed and not begun is superseded."""
    channels = (await house.site()).channels
    async with house.store.begin() as conn:
        await regrouping.lock_actions(conn, [UUID(incident_id)])
        incident = await incidents.get(conn, UUID(incident_id), lock=True)
        if incident["firing_count"] > 0:
            return
        if await incidents.set_state(conn, incident["id"], IncidentState.RESOLVED, by=by, only_from=NOT_OVER):
            await timeline.append(conn, incident["id"], "incident.resolved", reason=by)
            await supersede(conn, incident["id"])
            await resume(conn, incident["id"])
            if incident["acknowledged_at"] or incident["assignee"]:
                # A person was at it, and did perhaps what ended it.
                await ask_what_fixed(conn, channels, incident)


async def embed_fixes(house: House) -> None:
    """Give fixes their vectors; without an embedder there is nothing to do."""
    if house.embedder is not None:
        await embed_waiting(house.store, house.embedder)


async def late_alert(house: House, alert: dict[str, Any]) -> None:
    """A late fire that nobody resolved meanwhile: folded again, now that it cannot be an old copy any more."""
    await house.intake.accept([alert_from_json(alert)])
