"""Approvals: read the card, then decide exactly that; the hash that the person saw is part of the decision."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import Problem, documented
from api.routes.page import BeforeId, Limit, Moment, page_of
from core.plain_text import storable
from engine import approving, revising
from engine.approving import Person
from store import approvals, incidents, listing
from store.pool import Connection

router = APIRouter(prefix="/api/v1", tags=["approvals"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
State = Literal["pending", "approved", "rejected", "expired", "superseded", "consumed"]
REASON_CHARS_MAX = 4_000
PARAMETERS_MAX = 50
CARD: Any = {
    "action": "deploy_rollback", "playbook": "rollback-bad-release v2", "target": "service:production/checkout",
    "arguments": {"service": "checkout", "to_version": "v41"}, "why": "checkout broke right after a change",
    "track_record": "7 of 8 (53-98 %)", "undo": "deploy the newer release again",
}  # fmt: skip


class Approval(BaseModel):
    """What waits for persons, or waited."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-9b20-7c3a-9a51-0d8b8c0f2f13", "execution_id": "01990c2e-9a10-7c3a-9a51-0d8b8c0f2f12",
                "incident_id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f11", "incident_number": 1042, "state": "pending",
                "execution_state": "awaiting_approval", "needed": 1, "votes": 0, "role": "approver",
                "requester": "nightshift", "intent_hash": "5f2c" * 16, "card": CARD, "is_over": False,
                "created_at": "2026-03-01T09:59:00Z", "expires_at": "2026-03-01T10:14:00Z", "decided_at": None,
                "kind": "people",
            }
        }
    )  # fmt: skip
    id: UUID
    execution_id: UUID
    incident_id: UUID
    incident_number: int
    state: State
    execution_state: str
    needed: int = Field(description="How many persons must agree.")
    votes: int = Field(description="How many agreed.")
    role: str = Field(description="The role that they need.")
    requester: str
    intent_hash: str = Field(description="What a decision is bound to; send it back with the decision.")
    card: dict[str, Any] = Field(description="Rendered by code from the action itself.")
    is_over: bool = Field(description="Its time is over.")
    created_at: Moment
    expires_at: Moment
    decided_at: Moment | None
    kind: Literal["people", "standing", "break_glass"] = Field(
        description="Voted on, given before by a person for this playbook, or decided by one person in an emergency."
    )


class Vote(BaseModel):
    """One person's answer."""

    person: str
    verdict: str
    reason: str
    via: str
    at: Moment


class ApprovalDetail(Approval):
    """One approval with the votes."""

    ballots: list[Vote]
    granted_by: str = Field(description="Who stands behind it where nobody voted.")
    reason: str = Field(description="Why it was withdrawn, edited or decided alone.")
    replaced_by: UUID | None = Field(description="The approval of the edited action.")


class ApprovalPage(BaseModel):
    """Approvals, newest first."""

    items: list[Approval]
    next: UUID | None


class Decision(BaseModel):
    """A person's answer to exactly the action that they saw."""

    verdict: Literal["approve", "reject"]
    reason: str = Field("", max_length=REASON_CHARS_MAX, examples=["matches what I see in the deploy log"])
    intent_hash: str = Field(pattern="^[0-9a-f]{64}$", description="`intent_hash` of the approval that was read.")


class Edit(BaseModel):
    """Another action instead: parameters that replace those of the same name."""

    model_config = ConfigDict(extra="forbid")

    parameters: dict[str, str | int] = Field(min_length=1, max_length=PARAMETERS_MAX, examples=[{"to_version": "v40"}])
    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX, examples=["v41 had the same fault"])
    intent_hash: str = Field(pattern="^[0-9a-f]{64}$", description="`intent_hash` of the approval that was read.")


class Withdrawal(BaseModel):
    """Why it is not wanted any more."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX, examples=["fixed by hand"])


class BrokenGlass(BaseModel):
    """Why one person decides for all."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=revising.BREAK_GLASS_CHARS_MIN, max_length=REASON_CHARS_MAX)
    intent_hash: str = Field(pattern="^[0-9a-f]{64}$", description="`intent_hash` of the approval that was read.")


@router.get("/approvals", response_model=ApprovalPage, responses=documented(401, 403, 422))
async def list_approvals(
    request: Request,
    caller: Viewer,
    state: Annotated[State | Literal["all"], Query(description="Only this state.")] = "pending",
    before: BeforeId = None,
    limit: Limit = 50,
) -> Any:
    """Approvals, newest first."""
    states = None if state == "all" else [state]
    async with house_of(request).store.begin() as conn:
        return page_of(await listing.approvals(conn, states, before=before, rows=limit + 1), limit, dict)


@router.get("/approvals/{approval_id}", response_model=ApprovalDetail, responses=documented(401, 403, 404))
async def get_approval(request: Request, caller: Viewer, approval_id: UUID) -> Any:
    """One approval with its card and votes."""
    async with house_of(request).store.begin() as conn:
        return await _detail(conn, approval_id)


@router.post(
    "/approvals/{approval_id}/decision", response_model=ApprovalDetail, responses=documented(401, 403, 404, 409, 422)
)
async def decide(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.APPROVER))],
    approval_id: UUID,
    body: Decision,
) -> Response:
    """Approve or reject. Refused where the hash is another, the time is over, or somebody decided before."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            await _check_role(conn, caller, approval_id)
            person = Person(caller.id, caller.name, via="api")
            await approving.decide(
                conn,
                approval_id,
                person,
                verdict=body.verdict,
                intent_hash=body.intent_hash,
                reason=storable(body.reason),
            )
            return 200, await _answer(conn, approval_id)

        return await once(request, caller, conn, work)


@router.post(
    "/approvals/{approval_id}/edit",
    response_model=ApprovalDetail,
    status_code=201,
    responses=documented(401, 403, 404, 409, 422),
)
async def edit(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.APPROVER))],
    approval_id: UUID,
    body: Edit,
) -> Response:
    """Change the action: a new approval, which is the answer, takes the place of this one. The editor asked for it."""
    house = house_of(request)
    site = await house.site()
    sights = await revising.look_first(house.store, site, approval_id)
    async with house.store.begin() as conn:

        async def work() -> tuple[int, Any]:
            await _check_role(conn, caller, approval_id)
            person = Person(caller.id, caller.name, via="api")
            made = await revising.edit(
                conn,
                site,
                approval_id,
                person,
                intent_hash=body.intent_hash,
                parameters={name: storable(v) if isinstance(v, str) else v for name, v in body.parameters.items()},
                reason=storable(body.reason),
                sights=sights,
            )
            fresh = await approvals.of_execution(conn, made["id"])
            return 201, await _answer(conn, fresh["id"] if fresh else approval_id)

        return await once(request, caller, conn, work)


@router.post(
    "/approvals/{approval_id}/withdraw", response_model=ApprovalDetail, responses=documented(401, 403, 404, 409, 422)
)
async def withdraw(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.RESPONDER))],
    approval_id: UUID,
    body: Withdrawal,
) -> Response:
    """Take it back before it has begun: by who asked for it, or by any approver."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            person = Person(caller.id, caller.name, via="api")
            may_all = caller.role.covers(Role.APPROVER)
            await revising.withdraw(conn, approval_id, person, reason=storable(body.reason), may_all=may_all)
            return 200, await _answer(conn, approval_id)

        return await once(request, caller, conn, work)


@router.post(
    "/approvals/{approval_id}/break-glass", response_model=ApprovalDetail, responses=documented(401, 403, 404, 409, 422)
)
async def break_glass(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.OPERATOR))],
    approval_id: UUID,
    body: BrokenGlass,
) -> Response:
    """Approve alone what needs more people or a calmer hour. Everybody is told, the reason with it.

    The kill switch, protected resources and what belongs to another incident hold even then.
    """
    house = house_of(request)
    site = await house.site()
    sights = await revising.look_first(house.store, site, approval_id)
    async with house.store.begin() as conn:

        async def work() -> tuple[int, Any]:
            person = Person(caller.id, caller.name, via="api")
            await revising.break_glass(
                conn,
                site,
                approval_id,
                person,
                intent_hash=body.intent_hash,
                reason=storable(body.reason),
                sights=sights,
            )
            return 200, await _answer(conn, approval_id)

        return await once(request, caller, conn, work)


async def _check_role(conn: Connection, caller: Principal, approval_id: UUID) -> None:
    needed = Role((await approvals.get(conn, approval_id))["role"])
    if not caller.role.covers(needed):
        said = f"This approval needs the role {needed}; this key has the role {caller.role}."
        raise Problem(403, said, reason="role_missing")


async def _answer(conn: Connection, approval_id: UUID) -> Any:
    return ApprovalDetail.model_validate(await _detail(conn, approval_id)).model_dump(mode="json", by_alias=True)


async def _detail(conn: Connection, approval_id: UUID) -> dict[str, Any]:
    row = await approvals.get(conn, approval_id)
    votes = await approvals.votes(conn, approval_id)
    return {
        **row,
        "incident_number": (await incidents.get(conn, row["incident_id"]))["number"],
        "votes": sum(vote["verdict"] == "approve" for vote in votes),
        "ballots": [{**vote, "person": vote["name"]} for vote in votes],
    }
