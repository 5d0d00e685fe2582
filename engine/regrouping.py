"""People regroup: one incident merged into another, some alerts split off, a resolved one opened again.

Each is one transaction that holds both incidents with all that hangs on them, taken in one order (store.regrouping).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.alert import AlertClass, Severity
from core.errors import BadInput, IllegalTransition
from core.execution import OPEN_ON_RESOURCE, Reason
from core.incident import IncidentState, priority, signature, title
from core.matcher import all_match, read_matchers
from core.regrouping import (
    OVER,
    Objection,
    Whole,
    objection_to_merge,
    objection_to_reopen,
    objection_to_split,
    what_to_do,
)
from core.site import Site
from engine.approving import supersede
from engine.healing import resume
from ingest.joining import tell_worse
from store import alerts, audit, executions, incidents, jobs, regrouping, timeline
from store.pool import Connection, Row, now

MATCHED_ALERTS_MAX = 20_000
TIMERS = ("run_incident", "resolve_incident", "escalate_incident")


@dataclass(frozen=True)
class By:
    """Who does it (a name, and as timeline and audit name them), and why."""

    name: str
    actor: str
    reason: str = ""


async def merge(conn: Connection, site: Site, source_id: UUID, target_id: UUID, by: By) -> Row:
    """Move every alert of one incident into another, which is returned; the first ends. Raises IllegalTransition."""
    rows = await regrouping.lock(conn, [source_id, target_id])
    source, target = rows[source_id], rows[target_id]
    whole = await _whole(conn, source)
    _refuse(objection_to_merge(whole, await _whole(conn, target)), whole, target["number"])
    # First, while its alerts are still its own: the thread of the source must find nothing left to do.
    withdrawn = await supersede(conn, source_id, Reason.ALERTS_MOVED)
    moved = await regrouping.move(conn, source_id, target_id)
    await regrouping.hand_claims_over(conn, source_id, target_id)
    await regrouping.claim_group(conn, source["group_key"], target_id)
    await regrouping.recount(conn, source_id)
    await regrouping.end_merged(conn, source_id, target["number"], by=by.name)
    for timer in TIMERS:
        await jobs.cancel(conn, timer, str(source_id))
    after = await _retell(conn, site, target_id, least=target["priority"])
    body = {"alerts": moved, "firing": source["firing_count"], "approvals_withdrawn": withdrawn, "text": by.reason}
    await _tell(conn, source, "incident.merged", by, {"into": target["number"], **body})
    await _tell(conn, target, "incident.merged", by, {"from": source["number"], **body})
    await _audit(conn, "merge", source, by, after="merged", detail={"into": target["number"], "alerts": moved})
    await resume(conn, source_id)
    await _watch_end(conn, site, after)
    if after["priority"] < target["priority"]:
        await tell_worse(conn, target_id, after["priority"])
    return after


async def split(
    conn: Connection, site: Site, incident_id: UUID, by: By, *, ids: Sequence[UUID], matchers: Sequence[str]
) -> Row:
    """Move chosen alerts into a new incident; that one. Raises IllegalTransition, and BadInput for foreign alerts."""
    incident = (await regrouping.lock(conn, [incident_id]))[incident_id]
    whole = await _whole(conn, incident)
    _refuse(Objection.MERGED_ALREADY if whole.merged_into else None, whole)
    chosen = await _chosen(conn, incident, ids, matchers)
    _refuse(objection_to_split(whole, range(await regrouping.size(conn, incident_id)), chosen), whole)
    withdrawn = await supersede(conn, incident_id, Reason.ALERTS_MOVED)
    made = await regrouping.create_split(conn, incident_id)
    await regrouping.move(conn, incident_id, made["id"], sorted(chosen))
    await regrouping.looked_at(conn, made["id"])
    await regrouping.claim_identities(conn, made["id"])
    stays, goes = await _retell(conn, site, incident_id), await _retell(conn, site, made["id"])
    body = {"alerts": len(chosen), "approvals_withdrawn": withdrawn, "text": by.reason}
    await _tell(conn, incident, "incident.split", by, {"to": goes["number"], **body})
    first = {"number": goes["number"], "service": goes["service"], "first_alert": goes["title"]}
    await _tell(conn, goes, "incident.opened", by, {"from": incident["number"], **first}, reason="split")
    await _audit(conn, "split", incident, by, after=incident["state"], detail={"to": goes["number"], **body})
    await resume(conn, incident_id)
    for row in (stays, goes):
        await _watch_end(conn, site, row)
    await _begin(conn, site, goes)
    return goes


async def reopen(conn: Connection, incident_id: UUID, by: By) -> Row:
    """Undo a resolve; people are told again, and escalation begins anew. Raises IllegalTransition."""
    incident = (await regrouping.lock(conn, [incident_id]))[incident_id]
    whole = await _whole(conn, incident)
    beside = await regrouping.open_in_group(conn, incident["group_key"])
    _refuse(objection_to_reopen(whole, beside), whole, beside)
    await incidents.reopen(conn, incident_id)
    await regrouping.drop_group_claim(conn, incident["group_key"])
    await _tell(conn, incident, "incident.reopened", by, {"from": incident["state"], "text": by.reason})
    await _audit(conn, "reopen", incident, by, after=IncidentState.OPEN, detail={})
    key, began = str(incident_id), (await now(conn)).isoformat()
    await jobs.defer(conn, "page_incident", incident_id=key, kind="reopened")
    await jobs.at(conn, "escalate_incident", key, delay_s=1.0, incident_id=key, began=began)
    return await incidents.get(conn, incident_id)


async def _whole(conn: Connection, row: Row) -> Whole:
    tried = await executions.of_incident(conn, row["id"])
    running = tuple(str(one["id"]) for one in tried if one["state"] in OPEN_ON_RESOURCE)
    return Whole(row["number"], row["state"], row["merged_into"], running)


def _refuse(why: Objection | None, incident: Whole, other: int | None = None) -> None:
    if why is not None:
        raise IllegalTransition(what_to_do(why, incident, other), why)


async def _chosen(conn: Connection, incident: Row, ids: Sequence[UUID], matchers: Sequence[str]) -> set[UUID]:
    """The alerts that are named, and those that match. Raises BadInput where one belongs elsewhere."""
    mine = await regrouping.members(conn, incident["id"], ids)
    if foreign := [str(one) for one in ids if one not in mine]:
        raise BadInput(
            f"The alert {foreign[0]} is not one of incident #{incident['number']}; "
            f"GET /api/v1/incidents/{incident['number']}/alerts lists them."
        )
    if not matchers:
        return mine
    wanted = read_matchers(matchers)
    rows = await regrouping.choosable(conn, incident["id"], rows_max=MATCHED_ALERTS_MAX + 1)
    if len(rows) > MATCHED_ALERTS_MAX:
        raise BadInput(f"Matchers look through at most {MATCHED_ALERTS_MAX} alerts of an incident: name ids instead.")
    return mine | {row["id"] for row in rows if all_match(wanted, row["labels"])}


async def _retell(conn: Connection, site: Site, incident_id: UUID, *, least: str | None = None) -> Row:
    """Counters, title, signature and priority from the alerts; the priority is at least as urgent as `least`."""
    row = await regrouping.recount(conn, incident_id)
    summary = await alerts.summary(conn, incident_id)
    if not summary:
        return row
    names, services = Counter[str](), Counter[str]()
    for one in summary:
        names[one["name"]] += one["alerts"]
        services[one["service"]] += one["alerts"]
    busiest = min(services, key=lambda name: (-services[name], name))
    kinds = [(one["name"], AlertClass(one["class"])) for one in summary for _ in range(one["alerts"])]
    urgent = priority(Severity(one["severity"]) for one in summary if one["firing"] or not row["firing_count"])
    return await regrouping.describe(
        conn, incident_id, title=title(services, names), service=busiest,
        signature=signature(kinds, site.service(busiest).kind), priority=min(urgent, least or urgent),
    )  # fmt: skip


async def _watch_end(conn: Connection, site: Site, row: Row) -> None:
    """The timer of the resolve follows what fires by now."""
    key = str(row["id"])
    if row["firing_count"] == 0 and row["state"] not in OVER:
        await jobs.at(conn, "resolve_incident", key, delay_s=site.timings.resolve_after_s, incident_id=key)
    else:
        await jobs.cancel(conn, "resolve_incident", key)


async def _begin(conn: Connection, site: Site, row: Row) -> None:
    """A new incident is looked into and escalated; it is paged unless it came acknowledged."""
    key = str(row["id"])
    if row["state"] == IncidentState.OPEN:
        await jobs.defer(conn, "page_incident", incident_id=key, kind="page")
    await jobs.at(conn, "run_incident", key, delay_s=site.timings.settle_s, incident_id=key)
    await jobs.at(conn, "escalate_incident", key, delay_s=1.0, incident_id=key)


async def _tell(
    conn: Connection, row: Row, kind: str, by: By, body: dict[str, Any], *, reason: str = "by_person"
) -> None:
    await timeline.append(conn, row["id"], kind, actor=by.actor, reason=reason, body=body)


async def _audit(conn: Connection, verb: str, row: Row, by: By, *, after: str, detail: dict[str, Any]) -> None:
    await audit.write(
        conn, actor=by.actor, action=f"incident.{verb}", subject=f"incident:{row['id']}", before=row["state"],
        after=after, reason=by.reason, detail=detail,
    )  # fmt: skip
