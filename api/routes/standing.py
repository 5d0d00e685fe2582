"""Standing approvals: a named person lets one version of a playbook act unasked, within limits and for a time."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import Problem, documented
from api.routes.page import BeforeId, Limit, Moment, page_of
from core.errors import IllegalTransition, NotFound
from core.plain_text import storable
from core.playbook_form import read_playbook
from core.standing import EXPIRES_S_MAX, never_auto
from store import gate, playbooks, standing
from store.pool import Connection, Row

router = APIRouter(prefix="/api/v1/standing", tags=["standing approvals"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
Responder = Annotated[Principal, Depends(needs(Role.RESPONDER))]
DAY_S = 86_400.0
PER_HOUR_MAX = 60
Reason = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"\S")]
Glob = Annotated[str, Field(min_length=1, max_length=256)]
Globs = Annotated[list[Glob], Field(min_length=1, max_length=100)]


class Grant(BaseModel):
    """What a person allows."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "playbook_id": "restart-instance", "reason": "it has helped for a year", "services": ["shop*"],
                "environments": ["production"], "actions_per_hour_max": 2, "expires_s": 30 * DAY_S,
            }
        },
    )  # fmt: skip
    playbook_id: Annotated[str, Field(min_length=1, max_length=128)]
    playbook_version: Annotated[int | None, Field(ge=1, le=2**31 - 1, description="The one that rules.")] = None
    reason: Reason
    environments: Globs = ["*"]
    services: Globs = ["*"]
    actions_per_hour_max: Annotated[int, Field(ge=1, le=PER_HOUR_MAX)] = 1
    expires_s: Annotated[float, Field(strict=True, ge=60, le=EXPIRES_S_MAX)] = 30 * DAY_S


class End(BaseModel):
    """Why it is taken back."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason


class StandingOut(BaseModel):
    """A standing approval."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-9b20-7c3a-9a51-0d8b8c0f2f13", "playbook_id": "restart-instance", "playbook_version": 2,
                "person": "early", "reason": "it has helped for a year", "environments": ["production"],
                "services": ["shop*"], "actions_per_hour_max": 2, "used_last_hour": 0, "is_live": True,
                "created_at": "2026-03-01T09:59:00Z", "expires_at": "2026-03-31T09:59:00Z", "ended_at": None,
                "ended_by": None,
            }
        }
    )  # fmt: skip
    id: UUID
    playbook_id: str
    playbook_version: int
    person: str = Field(description="Who answers for what is done by it.")
    reason: str
    environments: list[str]
    services: list[str]
    actions_per_hour_max: int
    used_last_hour: int
    is_live: bool = Field(description="Not ended, not expired, and the person is still an operator.")
    created_at: Moment
    expires_at: Moment
    ended_at: Moment | None
    ended_by: str | None


class StandingPage(BaseModel):
    """Standing approvals, newest first."""

    items: list[StandingOut]
    next: UUID | None


@router.get("", response_model=StandingPage, responses=documented(401, 403, 422))
async def list_standing(
    request: Request,
    caller: Viewer,
    everything: Annotated[bool, Query(alias="all", description="Also those that are over.")] = False,
    before: BeforeId = None,
    limit: Limit = 50,
) -> Any:
    """Those that hold now, newest first."""
    async with house_of(request).store.begin() as conn:
        rows = await standing.page(conn, everything=everything, before=before, rows=limit + 1)
    return page_of(rows, limit, dict)


@router.post("", status_code=201, response_model=StandingOut, responses=documented(401, 403, 404, 422))
async def grant(request: Request, caller: Operator, wanted: Grant) -> Response:
    """Let the version of a playbook that rules now act unasked. Policy may still ask for more, and never less."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            await gate.lock(conn)
            book = await _checked(conn, wanted)
            values = {**wanted.model_dump(), "playbook_version": book["version"], "person_id": caller.id}
            made = await standing.add(conn, {**values, "reason": storable(wanted.reason)}, by=caller.actor)
            return 201, StandingOut(**made).model_dump(mode="json")

        return await once(request, caller, conn, work)


@router.post("/{standing_id}/end", response_model=StandingOut, responses=documented(401, 403, 404, 409, 422))
async def end(request: Request, caller: Responder, standing_id: UUID, why: End) -> Any:
    """Take it back, at once: anybody on call may. What was approved by it and has not begun is not begun."""
    async with house_of(request).store.begin() as conn:
        await gate.lock(conn)
        row = await standing.get(conn, standing_id)
        if not await standing.end(conn, standing_id, by=caller.actor, reason=storable(why.reason)):
            raise IllegalTransition(f"It was taken back by {row['ended_by']} already.", "ended_already")
        return await standing.get(conn, standing_id)


async def _checked(conn: Connection, wanted: Grant) -> Row:
    """The row of the playbook that is meant, if it is one that may ever act unasked."""
    rules = {row["id"]: row for row in await playbooks.newest(conn)}
    row = rules.get(wanted.playbook_id)
    if row is None:
        raise NotFound(f"No playbook {wanted.playbook_id!r} rules. List them with: nightshift playbooks")
    if wanted.playbook_version not in (None, row["version"]):
        said = f"Version {row['version']} of {row['id']} rules, not {wanted.playbook_version}: look at it first."
        raise Problem(422, said, reason="other_version")
    if fault := never_auto(read_playbook(row["body"], row["version"], f"playbook {row['id']}")):
        raise Problem(422, f"{row['id']} never acts unasked: {fault}.", reason="never_auto")
    return row
