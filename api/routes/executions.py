"""Executions: what was done or not, with every step on record; and the tap of somebody who looked."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from api.routes.incidents import find
from api.routes.page import BeforeId, Limit, Moment, page_of
from core.execution import State
from core.plain_text import storable
from engine import approving
from engine.approving import Person
from store import approvals, audit, executions, listing
from store.pool import Connection, Row

router = APIRouter(prefix="/api/v1", tags=["healing"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
REASON_CHARS_MAX = 4_000


class Execution(BaseModel):
    """One healing execution."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-9a10-7c3a-9a51-0d8b8c0f2f12", "incident_id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f11",
                "attempt": 1, "origin": "thread", "state": "verifying", "playbook_id": "rollback-bad-release",
                "playbook_version": 2, "action": "deploy_rollback", "resource_id": "service:production/checkout",
                "requester": "nightshift", "signature": "v1|HighErrorRate|http|errors", "token": 1, "outcome": None,
                "acted_at": "2026-03-01T10:01:00Z", "finished_at": "2026-03-01T10:01:02Z", "learned_at": None,
                "created_at": "2026-03-01T09:59:00Z", "updated_at": "2026-03-01T10:01:02Z",
            }
        }
    )  # fmt: skip
    id: UUID
    incident_id: UUID
    attempt: int
    origin: str = Field(description="thread: the agent; person: somebody asked for it.")
    state: State
    playbook_id: str
    playbook_version: int
    action: str
    resource_id: str
    requester: str
    signature: str
    token: int = Field(description="The fencing token; it only ever grows.")
    outcome: str | None
    acted_at: Moment | None
    finished_at: Moment | None
    learned_at: Moment | None
    created_at: Moment
    updated_at: Moment


class AuditRow(BaseModel):
    """One step on record."""

    id: int
    at: Moment
    actor: str
    action: str
    from_state: str
    to_state: str
    reason: str
    token: int | None
    detail: dict[str, Any]


class CheckRow(BaseModel):
    """What the signals said at one evaluation; `at` in unix seconds."""

    at: float
    state: str
    traffic: float | None
    detail: str


class ExecutionDetail(Execution):
    """One execution with everything on record."""

    intent: dict[str, Any]
    intent_hash: str
    observed: dict[str, Any]
    decision: dict[str, Any]
    card: dict[str, Any]
    result: dict[str, Any]
    approval_id: UUID | None
    checks: list[CheckRow]
    audit: list[AuditRow]


class ExecutionPage(BaseModel):
    """Executions, newest first."""

    items: list[Execution]
    next: UUID | None


class Checked(BaseModel):
    """What somebody saw who looked at the target."""

    happened: bool = Field(strict=True, description="Did the action take effect?")
    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX, examples=["the deploy list shows v41 since 10:01"])


@router.get("/executions", response_model=ExecutionPage, responses=documented(401, 403, 404, 422))
async def list_executions(
    request: Request,
    caller: Viewer,
    incident: Annotated[str | None, Query(max_length=40, description="An incident's number or id.")] = None,
    state: State | None = None,
    before: BeforeId = None,
    limit: Limit = 50,
) -> Any:
    """Executions, newest first."""
    async with house_of(request).store.begin() as conn:
        incident_id = (await find(conn, incident))["id"] if incident else None
        return page_of(await listing.executions(conn, incident_id, state, before=before, rows=limit + 1), limit, dict)


@router.get("/executions/{execution_id}", response_model=ExecutionDetail, responses=documented(401, 403, 404))
async def get_execution(request: Request, caller: Viewer, execution_id: UUID) -> Any:
    """One execution with its card, evaluations and audit rows."""
    async with house_of(request).store.begin() as conn:
        return await _detail(conn, await executions.get(conn, execution_id))


@router.post(
    "/executions/{execution_id}/checked", response_model=ExecutionDetail, responses=documented(401, 403, 404, 409, 422)
)
async def checked(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.APPROVER))],
    execution_id: UUID,
    body: Checked,
) -> Response:
    """Say whether it happened, after looking; only for an execution that needs a human."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            await executions.get(conn, execution_id)
            person = Person(caller.id, caller.name, via="api")
            await approving.checked(conn, execution_id, person, happened=body.happened, reason=storable(body.reason))
            detail = await _detail(conn, await executions.get(conn, execution_id))
            return 200, ExecutionDetail.model_validate(detail).model_dump(mode="json", by_alias=True)

        return await once(request, caller, conn, work)


async def _detail(conn: Connection, row: Row) -> dict[str, Any]:
    approval = await approvals.of_execution(conn, row["id"])
    return {
        **row,
        "approval_id": approval and approval["id"],
        "checks": await executions.checks(conn, row["id"]),
        "audit": await audit.of_subject(conn, f"execution:{row['id']}"),
    }
