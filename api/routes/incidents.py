"""Incidents: lists with facets, one with everything around it, and what people do with them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import MEDIA_TYPE, documented
from api.routes.page import BeforeId, Limit, Moment, page_of
from core.errors import IllegalTransition, NotFound
from core.incident import IncidentState
from core.plain_text import storable
from store import alerts, audit, diagnoses, executions, incidents, jobs, listing, notifications, timeline
from store.pool import Connection, Row
from tools.act import proposals

router = APIRouter(prefix="/api/v1", tags=["incidents"])
TEXT_CHARS_MAX = 4_000
NUMBER_MAX = 2**63 - 1
S = IncidentState
MAY_ACKNOWLEDGE = (S.OPEN, S.ESCALATED)
MAY_RESOLVE = (S.OPEN, S.ACKNOWLEDGED, S.MITIGATED, S.ESCALATED)

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Responder = Annotated[Principal, Depends(needs(Role.RESPONDER))]


class Incident(BaseModel):
    """One incident."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f11", "number": 1042, "state": "open", "priority": "P1",
                "environment": "production", "cluster": "-", "service": "checkout",
                "title": "HighErrorRate on checkout (+1 more kinds)", "signature": "v1|HighErrorRate|http|errors",
                "alert_count": 12, "firing_count": 12, "started_at": "2026-03-01T09:58:12Z",
                "opened_at": "2026-03-01T09:58:40Z", "acknowledged_at": None, "acknowledged_by": None,
                "mitigated_at": None, "resolved_at": None, "resolved_by": None, "reopened": 0, "timeline_seq": 9,
            }
        }
    )  # fmt: skip
    id: UUID
    number: int = Field(description="The short number that people use.")
    state: IncidentState
    priority: str
    environment: str
    cluster: str
    service: str
    title: str
    signature: str = Field(description="What learning is keyed by.")
    alert_count: int
    firing_count: int
    started_at: Moment
    opened_at: Moment
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    mitigated_at: Moment | None
    resolved_at: Moment | None
    resolved_by: str | None
    reopened: int
    timeline_seq: int = Field(description="The number of the newest timeline row.")


class AlertCount(BaseModel):
    """Alerts of one name, severity and service."""

    name: str
    alert_class: str = Field(validation_alias="class", serialization_alias="class")
    severity: str
    service: str
    alerts: int
    firing: int
    first_at: Moment


class DiagnosisOut(BaseModel):
    """The newest diagnosis."""

    attempt: int
    body: dict[str, Any]
    created_at: Moment


class ExecutionBrief(BaseModel):
    """An execution of this incident; `GET /executions/{id}` has all of it."""

    id: UUID
    state: str
    playbook_id: str
    action: str
    resource_id: str
    requester: str
    outcome: str | None
    created_at: Moment
    updated_at: Moment


class Told(BaseModel):
    """What somebody was told, or is about to be."""

    id: UUID
    kind: str
    channel: str
    state: str
    attempts: int
    last_error: str
    created_at: Moment
    sent_at: Moment | None


class IncidentDetail(Incident):
    """One incident with everything around it."""

    alerts: list[AlertCount]
    diagnosis: DiagnosisOut | None
    executions: list[ExecutionBrief]
    notifications: list[Told]


class Facets(BaseModel):
    """How many incidents there are, all filters left aside."""

    state: dict[str, int]
    priority: dict[str, int]
    service: dict[str, int]


class IncidentPage(BaseModel):
    """Incidents, newest first."""

    items: list[Incident]
    next: int | None = Field(description="`before` of the next page; null at the end.")
    facets: Facets


class AlertOut(BaseModel):
    """One episode of an alert."""

    id: UUID
    name: str
    alert_class: str = Field(validation_alias="class", serialization_alias="class")
    severity: str
    status: str
    service: str
    resource_id: str
    labels: dict[str, Any]
    annotations: dict[str, Any]
    generator_url: str
    starts_at: Moment
    ended_at: Moment | None
    received_at: Moment
    last_received_at: Moment
    occurrences: int
    source: str


class AlertPage(BaseModel):
    """Alerts of an incident, newest first."""

    items: list[AlertOut]
    next: UUID | None


class Reasoned(BaseModel):
    """Why, for the timeline."""

    reason: str = Field("", max_length=TEXT_CHARS_MAX, examples=["looking at it"])


class Comment(BaseModel):
    """A text for the timeline."""

    text: str = Field(min_length=1, max_length=TEXT_CHARS_MAX, examples=["The provider has an outage since 09:50."])


class Written(BaseModel):
    """Where a comment stands."""

    seq: int


class Wanted(BaseModel):
    """A playbook that a person wants run on this incident."""

    playbook_id: str = Field(max_length=128, examples=["rollback-bad-release"])
    parameters: dict[str, str | int] = Field(
        default_factory=dict, max_length=20, examples=[{"service": "checkout", "to_version": "v41"}]
    )
    reason: str = Field("", max_length=TEXT_CHARS_MAX, examples=["errors began with the deploy"])


class Proposed(BaseModel):
    """The execution that a proposal became; it waits for approval."""

    execution_id: UUID
    state: str
    decision: dict[str, Any]


@router.get("/incidents", response_model=IncidentPage, responses=documented(401, 403, 422))
async def list_incidents(
    request: Request,
    caller: Viewer,
    before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Only lower numbers than this.")] = None,
    limit: Limit = 50,
    state: IncidentState | None = None,
    service: Annotated[str | None, Query(max_length=200)] = None,
) -> Any:
    """Incidents, newest first, and how many there are of each kind."""
    async with house_of(request).store.begin() as conn:
        rows = await incidents.page(conn, before=before, state=state, service=_word(service), rows=limit + 1)
        counts = await incidents.facets(conn)
    facets = {name: _counted(counts, name) for name in ("state", "priority", "service")}
    return page_of(rows, limit, dict, cursor="number", facets=facets)


@router.get("/incidents/{ref}", response_model=IncidentDetail, responses=documented(401, 403, 404))
async def get_incident(request: Request, caller: Viewer, ref: str) -> Any:
    """One incident by id or number: alerts in counts, the newest diagnosis, executions, what people were told."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)
        return {
            **incident,
            "alerts": await alerts.summary(conn, incident["id"]),
            "diagnosis": await diagnoses.last(conn, incident["id"]),
            "executions": await executions.of_incident(conn, incident["id"]),
            "notifications": await notifications.of_incident(conn, incident["id"]),
        }


@router.get("/incidents/{ref}/alerts", response_model=AlertPage, responses=documented(401, 403, 404, 422))
async def list_alerts(request: Request, caller: Viewer, ref: str, before: BeforeId = None, limit: Limit = 50) -> Any:
    """The alerts that were folded into this incident."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)
        return page_of(await listing.alerts(conn, incident["id"], before=before, rows=limit + 1), limit, dict)


@router.post("/incidents/{ref}/acknowledge", response_model=Incident, responses=documented(401, 403, 404, 409, 422))
async def acknowledge(request: Request, caller: Responder, ref: str, body: Reasoned) -> Response:
    """Say that somebody looks at it. Doing it twice changes nothing."""
    return await _change(request, caller, ref, body, "acknowledge", S.ACKNOWLEDGED, MAY_ACKNOWLEDGE)


@router.post("/incidents/{ref}/resolve", response_model=Incident, responses=documented(401, 403, 404, 409, 422))
async def resolve(request: Request, caller: Responder, ref: str, body: Reasoned) -> Response:
    """Say that it is over. Doing it twice changes nothing."""
    return await _change(request, caller, ref, body, "resolve", S.RESOLVED, MAY_RESOLVE)


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


@router.post("/incidents/{ref}/diagnose", response_model=Incident, status_code=202, responses=documented(401, 403, 404))
async def diagnose(request: Request, caller: Responder, ref: str) -> Response:
    """Have it investigated (again); the findings come on its timeline."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            key = f"incident:{incident['id']}"
            await jobs.defer(conn, "run_incident", lock=key, once=key, incident_id=str(incident["id"]))
            await _audit(conn, caller, "diagnose", incident, incident["state"], "")
            return 202, _plain(incident)

        return await once(request, caller, conn, work)


@router.post(
    "/incidents/{ref}/propose", response_model=Proposed, status_code=201, responses=documented(401, 403, 404, 422)
)
async def propose(request: Request, caller: Responder, ref: str, body: Wanted) -> Response:
    """Propose a fix. It passes the same gate as the agent's; a refusal is 403 and names the guardrail."""
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            row = await proposals.submit_by_person(
                conn, site, incident, person=caller.name, playbook_id=storable(body.playbook_id),
                parameters=body.parameters, reason=storable(body.reason),
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
    to: IncidentState,
    only_from: tuple[IncidentState, ...],
) -> Response:
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            changed = await incidents.set_state(conn, incident["id"], to, by=caller.name, only_from=only_from)
            now = await incidents.get(conn, incident["id"])
            if not changed and now["state"] != to:
                raise IllegalTransition(f"Incident #{now['number']} is {now['state']}: it cannot be {to} from there.")
            if changed:
                reason = storable(body.reason)
                said = {"text": reason, "from": incident["state"]}
                await timeline.append(
                    conn, now["id"], f"incident.{to}", actor=caller.actor, reason="by_person", body=said
                )
                await _audit(conn, caller, verb, incident, to, reason)
                now = await incidents.get(conn, incident["id"])
            return 200, _plain(now)

        return await once(request, caller, conn, work)


async def _audit(conn: Connection, caller: Principal, verb: str, incident: Row, after: str, reason: str) -> None:
    subject = f"incident:{incident['id']}"
    await audit.write(
        conn, actor=caller.actor, action=f"incident.{verb}", subject=subject, before=incident["state"], after=after,
        reason=reason,
    )  # fmt: skip


def _plain(incident: Row) -> Any:
    return Incident.model_validate(incident).model_dump(mode="json")


def _counted(rows: list[Row], name: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row[name]] = totals.get(row[name], 0) + row["incidents"]
    return totals


def _word(text: str | None) -> str | None:
    return None if text is None else storable(text)
