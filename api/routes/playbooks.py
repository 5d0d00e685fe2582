"""Playbooks: read, written as versions, published and withdrawn, explained for an incident."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import psycopg
from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import Problem, documented
from api.routes.incidents import find
from api.routes.page import Limit, Moment
from core.errors import BadConfiguration, NotFound
from core.plain_text import storable_value
from core.playbook_form import read_playbook
from core.playbook_schema import playbook_schema
from engine.voiding import void_open
from store import gate, playbooks
from store.pool import Connection, Row
from tools.act import proposals
from tools.act.looking import look_around

router = APIRouter(prefix="/api/v1", tags=["playbooks"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
EXAMPLE: Any = {
    "id": "rollback-bad-release", "title": "Go back to the release that ran before", "action": "deploy_rollback",
    "classes": ["errors", "latency"], "causes": ["bad_release"], "tier": 3,
    "parameters": {"service": {"kind": "service"}, "to_version": {"kind": "previous_release"}},
}  # fmt: skip
STALE: dict[int | str, dict[str, Any]] = {412: {"description": "If-Match names another version than the newest"}}


class PlaybookOut(BaseModel):
    """One version of a playbook."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "rollback-bad-release", "version": 2, "body": EXAMPLE, "source": "api",
                "created_by": "person:early", "created_at": "2026-03-01T09:59:00Z", "status": "published",
            }
        }
    )  # fmt: skip
    id: str
    version: int
    body: dict[str, Any] = Field(description="As it was written.")
    source: str = Field(description="shipped, file, api, or learned: what experience wrote, as a draft.")
    status: str = Field(description="published (it may act), draft (it waits for a person) or withdrawn.")
    created_by: str
    created_at: Moment


class PlaybookPut(PlaybookOut):
    """The version that rules now."""

    changed: bool = Field(description="False where the newest version was the same already.")
    voided: int = Field(description="How many open approvals are void by this.")


class Publish(BaseModel):
    """Which version shall rule."""

    model_config = ConfigDict(extra="forbid")
    version: int = Field(ge=1, le=2**31 - 1)


class PlaybookPage(BaseModel):
    """The newest version of each playbook, by id."""

    items: list[PlaybookOut]
    next: str | None


class Spoken(BaseModel):
    """What one guardrail says to a playbook; `verb` is null where it has no objection."""

    guardrail: str
    verb: str | None
    detail: str


class Explained(BaseModel):
    """What the gate would answer to a playbook on an incident, now."""

    playbook_id: str
    version: int
    title: str
    verb: str
    guardrail: str = Field(description="The first that speaks.")
    detail: str
    approvers: int
    role: str
    guardrails: list[Spoken]


class Explanation(BaseModel):
    """Every playbook."""

    items: list[Explained]
    next: None = None


@router.get("/playbooks", response_model=PlaybookPage, responses=documented(401, 403, 422))
async def list_playbooks(
    request: Request,
    caller: Viewer,
    after: Annotated[str | None, Query(max_length=128, description="Continue here: `next` of the answer before.")] = (
        None
    ),
    limit: Limit = 100,
    status: Annotated[
        Literal["published", "draft", "withdrawn", "all"], Query(description="Those that rule, or others.")
    ] = "published",
) -> Any:
    """The version of every playbook that rules; or drafts that wait, what was withdrawn, or all of these."""
    async with house_of(request).store.begin() as conn:
        rows = await playbooks.every(conn)
    rest = [row for row in rows if status in ("all", row["status"]) and (after is None or row["id"] > after)]
    end = limit
    while end < len(rest) and rest[end]["id"] == rest[end - 1]["id"]:
        end += 1  # a draft stays beside the version that rules
    return {"items": rest[:end], "next": rest[end - 1]["id"] if len(rest) > end else None}


@router.get("/playbooks/schema", responses=documented(401, 403))
async def get_schema(caller: Viewer) -> dict[str, Any]:
    """JSON Schema of a playbook file."""
    return playbook_schema()


@router.get("/playbooks/explain/{incident}", response_model=Explanation, responses=documented(401, 403, 404))
async def explain(request: Request, caller: Viewer, incident: str) -> Any:
    """What the gate would answer to each playbook on this incident, and what each guardrail says."""
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        incident_id = (await find(conn, incident))["id"]
    sights = await look_around(house.store, site, incident_id)
    async with house.store.begin() as conn:
        answers = await proposals.explain_all(conn, site, await find(conn, incident), sights)
    return {
        "items": [
            {
                "playbook_id": book.id, "version": book.version, "title": book.title, "verb": decision.verb,
                "guardrail": decision.guardrail, "detail": decision.detail, "approvers": decision.approvers,
                "role": decision.role,
                "guardrails": [
                    {"guardrail": name.strip("_"), "verb": said and said.verb, "detail": said.detail if said else ""}
                    for name, said in spoken
                ],
            }
            for book, decision, spoken in answers
        ]
    }  # fmt: skip


@router.get("/playbooks/{playbook_id}", response_model=PlaybookOut, responses=documented(401, 403, 404))
async def get_playbook(
    request: Request,
    response: Response,
    caller: Viewer,
    playbook_id: str,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="An older version.")] = None,
) -> Any:
    """The version that rules, else the newest; its version is its ETag."""
    async with house_of(request).store.begin() as conn:
        if version is None:
            row = await _newest(conn, playbook_id) or next(iter(await playbooks.versions(conn, playbook_id)), None)
        else:
            row = await playbooks.version(conn, playbook_id, version)
    if row is None:
        raise NotFound(f"There is no playbook {playbook_id[:128]!r}. List them with: nightshift playbooks")
    response.headers["ETag"] = f'"{row["version"]}"'
    return row


@router.get("/playbooks/{playbook_id}/versions", response_model=PlaybookPage, responses=documented(401, 403, 404))
async def list_versions(request: Request, caller: Viewer, playbook_id: str) -> Any:
    """Every version of a playbook, newest first."""
    async with house_of(request).store.begin() as conn:
        rows = await playbooks.versions(conn, playbook_id)
    if not rows:
        raise NotFound(f"There is no playbook {playbook_id[:128]!r}. List them with: nightshift playbooks")
    return {"items": rows, "next": None}


@router.put(
    "/playbooks/{playbook_id}", response_model=PlaybookPut, responses={**documented(401, 403, 409, 422), **STALE}
)
async def put_playbook(
    request: Request,
    response: Response,
    caller: Operator,
    playbook_id: str,
    body: Annotated[dict[str, Any], Body(examples=[EXAMPLE])],
    if_match: Annotated[str | None, Header(description="The version that this one follows.")] = None,
    draft: Annotated[bool, Query(description="Keep it as a draft that does not rule before it is published.")] = False,
) -> Any:
    """Write a new version. The whole body is checked; a fault is told with its place and what is allowed there.

    A version that rules from now on voids the open approvals of the one before.
    """
    plain = storable_value(body)
    _check(playbook_id, plain)
    try:
        async with house_of(request).store.begin() as conn:
            await gate.lock(conn)
            _match(if_match, await _newest(conn, playbook_id))
            status = "draft" if draft else "published"
            version = await playbooks.put(conn, playbook_id, plain, source="api", by=caller.actor, status=status)
            return await _changed(conn, response, playbook_id, version, caller)
    except psycopg.errors.UniqueViolation:
        raise Problem(409, f"Somebody else wrote playbook {playbook_id} at the same moment; read it again.") from None


@router.post(
    "/playbooks/{playbook_id}/publish", response_model=PlaybookPut, responses=documented(401, 403, 404, 409, 422)
)
async def publish(request: Request, response: Response, caller: Operator, playbook_id: str, wanted: Publish) -> Any:
    """Let a version rule: a draft that somebody has looked at, an older one, or one that was withdrawn."""
    async with house_of(request).store.begin() as conn:
        await gate.lock(conn)
        version = await playbooks.publish(conn, playbook_id, wanted.version, by=caller.actor)
        return await _changed(conn, response, playbook_id, version, caller)


@router.delete("/playbooks/{playbook_id}", response_model=PlaybookPut, responses=documented(401, 403, 404))
async def withdraw(request: Request, response: Response, caller: Operator, playbook_id: str) -> Any:
    """Take a playbook out of use, with its drafts. Nothing is deleted; it may be published again."""
    async with house_of(request).store.begin() as conn:
        await gate.lock(conn)
        version = await playbooks.withdraw(conn, playbook_id, by=caller.actor)
        return await _changed(conn, response, playbook_id, version, caller)


async def _changed(
    conn: Connection, response: Response, playbook_id: str, version: int | None, caller: Principal
) -> dict[str, Any]:
    """The newest version after a change (None: there was nothing to change), and what the change made void."""
    row = next(iter(await playbooks.versions(conn, playbook_id, rows_max=1)))
    voided = 0
    if version is not None and row["status"] != "draft":
        what = f"playbook {playbook_id} version {version}"
        voided = await void_open(conn, what, by=caller.actor, playbook_id=playbook_id)
    response.headers["ETag"] = f'"{row["version"]}"'
    return {**row, "changed": version is not None, "voided": voided}


async def _newest(conn: Connection, playbook_id: str) -> Row | None:
    return next((row for row in await playbooks.newest(conn) if row["id"] == playbook_id), None)


def _check(playbook_id: str, body: Mapping[str, Any]) -> None:
    if body.get("id") != playbook_id:
        raise Problem(422, f"The body's id must be {playbook_id[:128]!r}, as in the address.", reason="id_differs")
    try:
        read_playbook(body, 1, f"playbook {playbook_id[:128]}")
    except BadConfiguration as error:
        raise Problem(422, error.detail, reason="bad_playbook") from None


def _match(if_match: str | None, newest: Row | None) -> None:
    """Honour If-Match: `*` means that there is one, otherwise one of the named versions must be the newest."""
    if if_match is None:
        return
    named = [tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")]
    if newest is None or not ("*" in named or str(newest["version"]) in named):
        have = f"version {newest['version']}" if newest else "no version"
        raise Problem(412, f"If-Match asks for {if_match[:60]}, but there is {have}; read it again.", reason="stale")
