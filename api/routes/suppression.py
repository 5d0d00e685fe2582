"""What is set about who is told when: silences, windows, inhibitions, escalations; and heartbeat rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import Problem, documented
from api.routes.page import BeforeId, Limit, Moment, page_of
from core.notice_rule import Draft, NoticeKind, read_draft
from core.plain_text import storable_value
from store import notice_rules
from store.pool import Connection, Row, now

router = APIRouter(prefix="/api/v1", tags=["suppression"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
STALE: dict[int | str, dict[str, Any]] = {412: {"description": "If-Match names another version than the newest"}}
IfMatch = Annotated[str | None, Header(description="The version that this one follows.")]
State = Annotated[Literal["current", "all"], Query(description="`all` also lists what is over.")]


class NoticeRule(BaseModel):
    """One of them, in its newest version."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195538a-9f2e-7c30-8d44-0c2b1f6a9e11", "kind": "silence", "version": 1, "state": "active",
                "body": {"matchers": ["service=cart"], "reason": "we are on it", "override": ""},
                "starts_at": "2026-03-01T09:59:00Z", "ends_at": "2026-03-01T11:59:00Z",
                "created_by": "person:early", "created_at": "2026-03-01T09:59:00Z",
                "updated_by": "person:early", "updated_at": "2026-03-01T09:59:00Z",
            }
        }
    )  # fmt: skip
    id: UUID
    kind: NoticeKind
    version: int
    state: Literal["pending", "active", "expired"] = Field(
        description="A recurring window is active while it recurs, also between two occurrences."
    )
    body: dict[str, Any] = Field(description="As it was written and checked.")
    starts_at: Moment
    ends_at: Moment | None = Field(description="Null where nothing ends it.")
    created_by: str
    created_at: Moment
    updated_by: str
    updated_at: Moment


class NoticeRulePage(BaseModel):
    """Newest first."""

    items: list[NoticeRule]
    next: UUID | None


EXAMPLES: Mapping[NoticeKind, Any] = {
    NoticeKind.SILENCE: {"matchers": ["service=cart", "alertname=~Disk.*"], "reason": "we are on it", "for_s": 7200},
    NoticeKind.WINDOW: {
        "title": "database upgrade", "matchers": ["service=orders-db"], "starts_at": "2026-03-07T22:00:00+01:00",
        "duration_s": 7200, "repeat": "weekly", "zone": "Europe/Berlin", "weekdays": [5],
    },
    NoticeKind.INHIBITION: {
        "title": "a host that is down", "source": ["alertname=HostDown"], "target": ["severity!=critical"],
        "equal": ["host"],
    },
    NoticeKind.ESCALATION: {
        "title": "the shop", "priorities": ["P1"], "matchers": ["service=shop"],
        "steps": [{"who": "on-call", "after_s": 0}, {"who": "on-call", "after_s": 300, "repeat": 2, "every_s": 300}],
    },
    NoticeKind.HEARTBEAT: {"title": "nightly backup", "matchers": ["alertname=NightlyBackup"], "interval_s": 86400},
}  # fmt: skip
# Path, kind, and who may write. Whoever is on call may silence; the rest is set by operators.
KINDS: tuple[tuple[str, NoticeKind, Role], ...] = (
    ("silences", NoticeKind.SILENCE, Role.RESPONDER),
    ("maintenance-windows", NoticeKind.WINDOW, Role.OPERATOR),
    ("inhibitions", NoticeKind.INHIBITION, Role.OPERATOR),
    ("escalation-policies", NoticeKind.ESCALATION, Role.OPERATOR),
    ("heartbeat-rules", NoticeKind.HEARTBEAT, Role.OPERATOR),
)


def _routes(path: str, kind: NoticeKind, role: Role) -> None:
    """The five routes of one kind."""
    noun = path.replace("-", " ")
    writer = Annotated[Principal, Depends(needs(role))]
    written = Annotated[dict[str, Any], Body(examples=[EXAMPLES[kind]])]

    @router.get(f"/{path}", response_model=NoticeRulePage, responses=documented(401, 403, 422), summary=f"List {noun}")
    async def show_list(
        request: Request, caller: Viewer, state: State = "current", before: BeforeId = None, limit: Limit = 50
    ) -> Any:
        async with house_of(request).store.begin() as conn:
            rows = await notice_rules.page(conn, kind, ended=state == "all", before=before, rows=limit + 1)
            moment = await now(conn)
        return page_of(rows, limit, lambda row: _shown(row, moment))

    @router.get(
        f"/{path}/{{rule_id}}", response_model=NoticeRule, responses=documented(401, 403, 404, 422),
        summary=f"One of the {noun}; its version is its ETag",
    )  # fmt: skip
    async def get(request: Request, response: Response, caller: Viewer, rule_id: UUID) -> Any:
        async with house_of(request).store.begin() as conn:
            row = await notice_rules.get(conn, kind, rule_id)
            response.headers["ETag"] = f'"{row["version"]}"'
            return _shown(row, await now(conn))

    @router.post(
        f"/{path}", status_code=201, response_model=NoticeRule, responses=documented(401, 403, 409, 422),
        summary=f"Add one of the {noun}",
    )  # fmt: skip
    async def create(request: Request, caller: writer, body: written) -> Any:
        async with house_of(request).store.begin() as conn:

            async def work() -> tuple[int, Any]:
                draft = await _draft(conn, kind, body, caller)
                return 201, await _told(conn, await notice_rules.create(conn, kind, draft, by=caller.actor))

            return await once(request, caller, conn, work)

    @router.put(
        f"/{path}/{{rule_id}}", response_model=NoticeRule,
        responses={**documented(401, 403, 404, 409, 422), **STALE}, summary=f"Write a new version of one of the {noun}",
    )  # fmt: skip
    async def update(
        request: Request, caller: writer, rule_id: UUID, body: written, if_match: IfMatch = None
    ) -> Any:  # fmt: skip
        async with house_of(request).store.begin() as conn:

            async def work() -> tuple[int, Any]:
                _match(if_match, await notice_rules.get(conn, kind, rule_id))
                draft = await _draft(conn, kind, body, caller)
                return 200, await _told(conn, await notice_rules.update(conn, kind, rule_id, draft, by=caller.actor))

            return await once(request, caller, conn, work)

    @router.post(
        f"/{path}/{{rule_id}}/expire", response_model=NoticeRule,
        responses=documented(401, 403, 404, 409, 422), summary=f"End one of the {noun} now",
    )  # fmt: skip
    async def expire(request: Request, caller: writer, rule_id: UUID) -> Any:
        async with house_of(request).store.begin() as conn:

            async def work() -> tuple[int, Any]:
                await notice_rules.get(conn, kind, rule_id)
                return 200, await _told(conn, await notice_rules.expire(conn, kind, rule_id, by=caller.actor))

            return await once(request, caller, conn, work)


async def _draft(conn: Connection, kind: NoticeKind, body: Mapping[str, Any], caller: Principal) -> Draft:
    """What was written, checked. Only an operator may overrule the guard against what is too broad."""
    draft = read_draft(kind, storable_value(body), await now(conn))
    if draft.is_broad and not caller.role.covers(Role.OPERATOR):
        said = f"This is too broad; only an operator may overrule that, and this key has the role {caller.role}."
        raise Problem(403, said, reason="too_broad")
    return draft


async def _told(conn: Connection, row: Row) -> dict[str, Any]:
    """As JSON, since the answer is kept under its Idempotency-Key."""
    return NoticeRule.model_validate(_shown(row, await now(conn))).model_dump(mode="json")


def _shown(row: Row, moment: datetime) -> dict[str, Any]:
    over = row["ends_at"] is not None and row["ends_at"] <= moment
    return {**row, "state": "expired" if over else "active" if row["starts_at"] <= moment else "pending"}


def _match(if_match: str | None, row: Row) -> None:
    """Honour If-Match, so that two writers do not undo each other."""
    named = [tag.strip().removeprefix("W/").strip('"') for tag in (if_match or "*").split(",")]
    if "*" not in named and str(row["version"]) not in named:
        said = f"If-Match asks for {(if_match or '')[:60]}, but there is version {row['version']}; read it again."
        raise Problem(412, said, reason="stale")


for _path, _kind, _role in KINDS:
    _routes(_path, _kind, _role)
