"""When a heal did harm: a neighbour that alarms after it, and the way back that is proposed then."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.cascade import Alarm, Cascade, Heal, spread, trails
from core.errors import Refused
from core.execution import ATTEMPTED, State
from core.playbook import Playbook
from core.site import Site
from engine.house import House
from engine.learning import record_for
from store import executions, gate, incidents, jobs, timeline
from store.pool import Connection, Row, now
from tools.act.looking import look_around
from tools.act.proposals import current_playbooks, submit_by_person
from tools.act.sight import Sights

TOOK_PLACE = ATTEMPTED - {State.RUNNING, State.UNKNOWN, State.NEEDS_HUMAN, State.FAILED}
"""Where an action is known to have had its effect, so that there is something to undo."""
CAME_TO_NOTHING = frozenset(
    {State.DENIED, State.REJECTED, State.EXPIRED, State.SUPERSEDED, State.INVALIDATED, State.FAILED}
)


async def cascade_after(conn: Connection, site: Site, incident: Row, row: Row) -> Cascade | None:
    """The first direct neighbour of the touched service that began to alarm after the action.

    Its trouble may be an incident of its own, or have joined the one that is being healed.
    """
    service = str(row["intent"]["parameters"].get("service") or incident["service"])
    neighbours = sorted(site.topology.neighbours(service))
    if not neighbours or row["acted_at"] is None:
        return None
    heal = Heal(str(row["id"]), str(incident["id"]), service, row["acted_at"], row["state"])
    found = await executions.alarms_after(
        conn, incident["environment"], neighbours, besides=incident["id"], since=row["acted_at"]
    )
    joined = await gate.alarmed_since(conn, incident["id"], neighbours, row["acted_at"])
    alarms = [Alarm(str(a["id"]), a["service"], a["began_at"]) for a in found]
    elsewhere = spread([heal], alarms, site.topology)
    own = [Alarm(heal.incident_id, a["service"], a["began_at"]) for a in joined]
    moment = await now(conn)
    lasting = [alarm for alarm in own if not trails(heal, alarm, site.topology, moment)]
    return elsewhere or (Cascade(heal, lasting[0]) if lasting else None)


async def propose_way_back(house: House, execution_id: str, why: str) -> None:
    """Say how it is undone; where what was there before is on record, ask people for exactly that as an action."""
    site = await house.site()
    async with house.store.begin() as conn:
        row = await executions.get(conn, UUID(execution_id))
    sights = await look_around(house.store, site, row["incident_id"], {row["action"]})
    async with house.store.begin() as conn:
        incident = await incidents.get(conn, row["incident_id"], lock=True)
        if await timeline.is_way_back_told(conn, incident["id"], execution_id):
            return
        book = (await current_playbooks(conn, site)).get(row["playbook_id"])
        body = {"execution_id": execution_id, "undo": book.undo if book else "its playbook is gone", "proposed": ""}
        if book and (parameters := _way_back(row, book)):
            made = await submit_by_person(
                conn, site, incident, person="nightshift", playbook_id=book.id, parameters=parameters,
                reason=f"undo execution {execution_id}: {why}", sights=sights,
            )  # fmt: skip
            body |= {"proposed": str(made["id"]), "state": made["state"]}
        await timeline.append(conn, incident["id"], "rollback.proposed", reason=why, body=body)
        await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind=f"{why}:{execution_id}")


async def undo_by_person(
    conn: Connection, site: Site, incident: Row, row: Row, *, person: str, reason: str, sights: Sights | None
) -> Row:
    """A person wants what was there before an action back: the execution that they ask for, which policy may deny.

    The caller has locked the incident. Raises Refused where nothing is known to go back to, or it is asked for already.
    """
    book = (await current_playbooks(conn, site)).get(row["playbook_id"])
    if row["state"] not in TOOK_PLACE:
        raise Refused(f"the action is {row['state']}", "nothing_to_undo")
    parameters = _way_back(row, book) if book else None
    if book is None or parameters is None:
        said = book.undo if book else "its playbook is gone"
        raise Refused(said or "what was there before is not on record", "nothing_to_undo")
    for other in await executions.of_incident(conn, incident["id"]):
        same = other["playbook_id"] == book.id and other["intent"]["parameters"] == parameters
        if same and other["created_at"] > row["created_at"] and other["state"] not in CAME_TO_NOTHING:
            raise Refused("the way back is asked for already", "undo_waits")
    why = f"undo execution {row['id']}" + (f": {reason}" if reason else "")
    return await submit_by_person(
        conn, site, incident, person=person, playbook_id=book.id, parameters=parameters, reason=why, sights=sights,
        record=await record_for(conn, site, incident, book.id),
    )  # fmt: skip


def _way_back(row: Row, book: Playbook) -> dict[str, Any] | None:
    """The parameters that bring back what was there before; None where that is not on record."""
    before = row["observed"].get("before")
    if not (book.reversible and isinstance(before, Mapping) and before):
        return None
    return {**row["intent"]["parameters"], **before}
