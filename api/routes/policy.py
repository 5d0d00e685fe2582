"""The policy: what the operator allows, as versions; the newest rules, and a change voids what waits for approval."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import Problem, documented
from api.routes.page import Limit, Moment, page_of
from core.errors import BadConfiguration, NotFound
from core.plain_text import storable_value
from core.policy_form import read_policy
from core.policy_schema import policy_schema
from engine.voiding import void_open
from store import gate, policies
from tools.act.ruling import ruled

router = APIRouter(prefix="/api/v1/policy", tags=["policy"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]
EXAMPLE: Any = {
    "protected": ["*-billing*"], "actions_per_hour_max": 10,
    "approvals": [{"approvers": 2, "tiers": [3], "environments": ["production"]}],
    "freezes": [{"id": "weekend", "days": ["fri"], "at": "18:00", "zone": "Europe/Berlin", "for_s": 216_000}],
}  # fmt: skip
STALE: dict[int | str, dict[str, Any]] = {412: {"description": "If-Match names another version than the newest"}}


class PolicyOut(BaseModel):
    """One version of the policy."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": 4, "body": EXAMPLE, "applied_by": "person:early", "applied_at": "2026-03-01T09:59:00Z",
            }
        }
    )  # fmt: skip
    version: int = Field(description="0 before anybody applied one.")
    body: dict[str, Any] = Field(description="As it was written.")
    applied_by: str
    applied_at: Moment | None


class PolicyNow(PolicyOut):
    """The policy that rules."""

    rules: dict[str, Any] = Field(description="What rules now, with every default, and what the site protects itself.")


class PolicyPut(PolicyOut):
    """What became of it."""

    changed: bool = Field(description="False where the newest version was the same already.")
    voided: int = Field(description="How many open approvals are void by this.")


class PolicyPage(BaseModel):
    """Versions, newest first."""

    items: list[PolicyOut]
    next: int | None


@router.get("", response_model=PolicyNow, responses=documented(401, 403))
async def get_policy(request: Request, response: Response, caller: Viewer) -> Any:
    """The policy that rules now; its version is its ETag."""
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        row = await policies.newest(conn)
        rules = (await ruled(conn, site)).policy
    shown = row or {"version": 0, "body": {}, "applied_by": "", "applied_at": None}
    response.headers["ETag"] = f'"{shown["version"]}"'
    return {**shown, "rules": {**asdict(rules), "service_actions_per_hour_max": rules.of_a_service_max}}


@router.put("", response_model=PolicyPut, responses={**documented(400, 401, 403, 422), **STALE})
async def put_policy(
    request: Request,
    response: Response,
    caller: Admin,
    body: Annotated[dict[str, Any], Body(examples=[EXAMPLE])],
    if_match: Annotated[str | None, Header(description="The version that this one follows.")] = None,
) -> Any:
    """Apply a policy, whole. A fault names its place and changes nothing; a change voids every open approval."""
    plain = storable_value(body)
    try:
        read_policy(plain)
    except BadConfiguration as error:
        raise Problem(422, error.detail, reason="bad_policy") from None
    async with house_of(request).store.begin() as conn:
        await gate.lock(conn)
        last = await policies.newest(conn)
        have = last["version"] if last else 0
        if if_match is not None and if_match.removeprefix("W/").strip('"') not in ("*", str(have)):
            said = f"If-Match asks for {if_match[:60]}, but version {have} rules; read it again."
            raise Problem(412, said, reason="stale")
        row, changed = await policies.apply(conn, plain, caller.actor)
        version = row["version"]
        voided = await void_open(conn, f"policy version {version}", by=caller.actor) if changed else 0
    response.headers["ETag"] = f'"{version}"'
    return {**row, "changed": changed, "voided": voided}


@router.get("/versions", response_model=PolicyPage, responses=documented(401, 403, 422))
async def list_versions(
    request: Request,
    caller: Viewer,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Continue here: `next`.")] = None,
    limit: Limit = 50,
) -> Any:
    """The versions, newest first. Their numbers have gaps: a change of the site counts on too."""
    async with house_of(request).store.begin() as conn:
        rows = await policies.page(conn, before=before, rows=limit + 1)
    return page_of(rows, limit, dict, cursor="version")


@router.get("/versions/{version}", response_model=PolicyOut, responses=documented(401, 403, 404))
async def get_version(request: Request, caller: Viewer, version: int) -> Any:
    """One version."""
    async with house_of(request).store.begin() as conn:
        row = await policies.version(conn, min(version, 2**31 - 1))
    if row is None:
        raise NotFound(f"There is no policy version {version}. List them with: nightshift policy versions")
    return row


@router.get("/schema", responses=documented(401, 403))
async def get_schema(caller: Viewer) -> dict[str, Any]:
    """JSON Schema of a policy file."""
    return policy_schema()
