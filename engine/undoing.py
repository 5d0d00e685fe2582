"""When a heal did harm: a neighbour that alarms after it, and the way back that is proposed then."""

from collections.abc import Mapping
from uuid import UUID

from core.cascade import Alarm, Cascade, Heal, spread, trails
from core.site import Site
from engine.house import House
from store import executions, gate, incidents, jobs, timeline
from store.pool import Connection, Row, now
from tools.act.looking import look_around
from tools.act.proposals import current_playbooks, submit_by_person


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
        before = row["observed"].get("before")
        body = {"execution_id": execution_id, "undo": book.undo if book else "its playbook is gone", "proposed": ""}
        if book and book.reversible and isinstance(before, Mapping) and before:
            made = await submit_by_person(
                conn, site, incident, person="nightshift", playbook_id=book.id,
                parameters={**row["intent"]["parameters"], **before},
                reason=f"undo execution {execution_id}: {why}", sights=sights,
            )  # fmt: skip
            body |= {"proposed": str(made["id"]), "state": made["state"]}
        await timeline.append(conn, incident["id"], "rollback.proposed", reason=why, body=body)
        await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind=f"{why}:{execution_id}")
