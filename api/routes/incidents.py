"""Incidents: lists with facets, one with everything around it, and what people do with them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.access import Principal, Role, house_of, needs, once
from api.problems import MEDIA_TYPE, documented
from api.routes.incident_forms import (
    AlertPage,
    AnyState,
    Comment,
    Incident,
    IncidentDetail,
    IncidentPage,
    Proposed,
    Reasoned,
    Wanted,
    Written,
)
from api.routes.page import BeforeId, Limit, page_of
from core.alert import prometheus_fingerprint
from core.errors import IllegalTransition, NotFound
from core.plain_text import storable, storable_value
from core.regrouping import OVER
from engine import attending
from engine.learning import record_for
from engine.telling import frequency_of
from store import (
    aggregates,
    alerts,
    audit,
    diagnoses,
    executions,
    flaps,
    incidents,
    jobs,
    listing,
    notifications,
    staleness,
    timeline,
)
from store.pool import Connection, Row
from tools.act import proposals
from tools.act.looking import look_around

router = APIRouter(prefix="/api/v1", tags=["incidents"])
NUMBER_MAX = 2**63 - 1

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Responder = Annotated[Principal, Depends(needs(Role.RESPONDER))]


@router.get("/incidents", response_model=IncidentPage, responses=documented(401, 403, 422))
async def list_incidents(
    request: Request,
    caller: Viewer,
    before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Only lower numbers than this.")] = None,
    limit: Limit = 50,
    state: AnyState | None = None,
    service: Annotated[str | None, Query(max_length=200)] = None,
    assignee: Annotated[str | None, Query(max_length=63, description="Only those of this person.")] = None,
    storm: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Only those of this storm.")] = None,
) -> Any:
    """Incidents, newest first, and how many there are of each kind."""
    wanted = {"state": state, "service": _word(service), "assignee": _word(assignee)}
    async with house_of(request).store.begin() as conn:
        rows = await incidents.page(conn, before=before, **wanted, storm=storm, rows=limit + 1)
        counts = await incidents.facets(conn)
    facets = {name: _counted(counts, name) for name in ("state", "priority", "service", "assignee")}
    return page_of(rows, limit, dict, cursor="number", facets=facets)


@router.get("/incidents/{ref}", response_model=IncidentDetail, responses=documented(401, 403, 404))
async def get_incident(request: Request, caller: Viewer, ref: str) -> Any:
    """One incident by id or number: alerts in counts, the newest diagnosis, executions, what people were told."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)
        stale = await staleness.counts(conn, incident["id"])
        seen = await frequency_of(conn, incident)
        return {
            **incident,
            "unknown_count": sum(stale.values()),
            "frequency": {**asdict(seen), "habit": seen.habit, "words": seen.words},
            "alerts": [_with_unknown(row, stale) for row in await alerts.summary(conn, incident["id"])],
            "aggregates": await aggregates.of_incident(conn, incident["id"]),
            "flapping": await flaps.of_incident(conn, incident["id"]),
            "diagnosis": await diagnoses.last(conn, incident["id"]),
            "executions": await executions.of_incident(conn, incident["id"]),
            "notifications": await notifications.of_incident(conn, incident["id"]),
        }


@router.get("/incidents/{ref}/alerts", response_model=AlertPage, responses=documented(401, 403, 404, 422))
async def list_alerts(request: Request, caller: Viewer, ref: str, before: BeforeId = None, limit: Limit = 50) -> Any:
    """The alerts that were folded into this incident."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)
        rows = await listing.alerts(conn, incident["id"], before=before, rows=limit + 1)
        return page_of(rows, limit, lambda row: {**row, "fingerprint": prometheus_fingerprint(row["labels"])})


@router.post("/incidents/{ref}/acknowledge", response_model=Incident, responses=documented(401, 403, 404, 409, 422))
async def acknowledge(request: Request, caller: Responder, ref: str, body: Reasoned) -> Response:
    """Say that somebody looks at it. Doing it twice changes nothing."""
    return await _change(request, caller, ref, body, "acknowledge")


@router.post("/incidents/{ref}/resolve", response_model=Incident, responses=documented(401, 403, 404, 409, 422))
async def resolve(request: Request, caller: Responder, ref: str, body: Reasoned) -> Response:
    """Say that it is over. Doing it twice changes nothing."""
    return await _change(request, caller, ref, body, "resolve")


@router.post(
    "/incidents/{ref}/comment", response_model=Written, status_code=201, responses=documented(401, 403, 404, 422)
)
async def comment(request: Request, caller: Responder, ref: str, body: Comment) -> Response:
    """Write into the timeline."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            text = {"text": storable(body.text)}
            return 201, {"seq": await timeline.append(conn, incident["id"], "comment", actor=caller.actor, body=text)}

        return await once(request, caller, conn, work)


@router.post(
    "/incidents/{ref}/diagnose", response_model=Incident, status_code=202, responses=documented(401, 403, 404, 409)
)
async def diagnose(request: Request, caller: Responder, ref: str) -> Response:
    """Have it investigated (again); the findings come on its timeline."""
    async with house_of(request).store.begin() as conn:
        incident = _unresolved(await find(conn, ref))

        async def work() -> tuple[int, Any]:
            # The same name as the timer's job: no second run begins beside one that waits or works.
            key = f"run_incident:{incident['id']}"
            await jobs.defer(conn, "run_incident", lock=key, once=key, incident_id=str(incident["id"]))
            await _audit(conn, caller, "diagnose", incident, incident["state"], "")
            return 202, plain(incident)

        return await once(request, caller, conn, work)


@router.post(
    "/incidents/{ref}/propose", response_model=Proposed, status_code=201, responses=documented(401, 403, 404, 409, 422)
)
async def propose(request: Request, caller: Responder, ref: str, body: Wanted) -> Response:
    """Propose a fix. It passes the same gate as the agent's; a refusal is 403 and names the guardrail."""
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        incident_id = _unresolved(await find(conn, ref))["id"]
    sights = await look_around(house.store, site, incident_id)
    async with house.store.begin() as conn:
        incident = _unresolved(await find(conn, ref))

        async def work() -> tuple[int, Any]:
            wanted = storable(body.playbook_id)
            row = await proposals.submit_by_person(
                conn, site, incident, person=caller.name, playbook_id=wanted,
                parameters=storable_value(body.parameters), reason=storable(body.reason), sights=sights,
                record=await record_for(conn, site, incident, wanted),
            )  # fmt: skip
            return _answer_to_proposal(await executions.get(conn, row["id"]))

        answer = await once(request, caller, conn, work)
    if answer.status_code >= 400:
        answer.headers["content-type"] = MEDIA_TYPE
    return answer


async def find(conn: Connection, ref: str) -> Row:
    """An incident by number (`12` or `#12`) or id. Raises NotFound."""
    word = ref.removeprefix("#")
    if word.isascii() and word.isdecimal() and len(word) <= len(str(NUMBER_MAX)) and int(word) <= NUMBER_MAX:
        return await incidents.by_number(conn, int(word))
    try:
        incident_id = UUID(word)
    except ValueError:
        raise NotFound(f"There is no incident {ref[:40]!r}: give its number or its id.") from None
    return await incidents.get(conn, incident_id)


def _with_unknown(row: Row, stale: Mapping[tuple[str, str, str, str], int]) -> Row:
    return {**row, "unknown": stale.get((row["name"], row["class"], row["severity"], row["service"]), 0)}


def _unresolved(incident: Row) -> Row:
    if incident["state"] in OVER:
        said = f"Incident #{incident['number']} is {incident['state']}: there is nothing left to do about it"
        raise IllegalTransition(f"{said}; go on at #{n}." if (n := incident["merged_into"]) else f"{said}.")
    return incident


def _answer_to_proposal(row: Row) -> tuple[int, Any]:
    decision = row["decision"]
    if row["state"] != "denied":
        return 201, {"execution_id": str(row["id"]), "state": row["state"], "decision": decision}
    return 403, {
        "type": "about:blank",
        "title": "Refused by policy",
        "status": 403,
        "detail": decision.get("detail", ""),
        "reason": decision.get("guardrail", "refused"),
        "execution_id": str(row["id"]),
        "decision": decision,
    }


async def _change(
    request: Request,
    caller: Principal,
    ref: str,
    body: Reasoned,
    verb: Literal["acknowledge", "resolve"],
) -> Response:
    house = house_of(request)
    channels = (await house.site()).channels
    async with house.store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            reason = storable(body.reason)
            if verb == "resolve":
                await attending.resolve(conn, channels, incident, caller.name, reason=reason)
            else:
                await attending.acknowledge(conn, incident, caller.name, reason=reason)
            return 200, plain(await incidents.get(conn, incident["id"]))

        return await once(request, caller, conn, work)


async def _audit(conn: Connection, caller: Principal, verb: str, incident: Row, after: str, reason: str) -> None:
    subject = f"incident:{incident['id']}"
    await audit.write(
        conn, actor=caller.actor, action=f"incident.{verb}", subject=subject, before=incident["state"], after=after,
        reason=reason,
    )  # fmt: skip


def plain(incident: Row) -> Any:
    """An incident as JSON, since answers are kept under their Idempotency-Key."""
    return Incident.model_validate(incident).model_dump(mode="json")


def _counted(rows: list[Row], name: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row[name]] = totals.get(row[name], 0) + row["incidents"]
    return totals


def _word(text: str | None) -> str | None:
    return None if text is None else storable(text)
