"""Playbooks: read, written as versions, explained for an incident; and what was learned of them."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

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
from core.rates import Outcome, track_record
from store import executions, playbooks
from store.pool import Connection, Row
from tools.act import proposals

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
                "created_by": "person:alex", "created_at": "2026-03-01T09:59:00Z",
            }
        }
    )  # fmt: skip
    id: str
    version: int
    body: dict[str, Any] = Field(description="As it was written.")
    source: str
    created_by: str
    created_at: Moment


class PlaybookPut(PlaybookOut):
    """The version that rules now."""

    changed: bool = Field(description="False where the newest version was the same already.")


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


class Learned(BaseModel):
    """How often a playbook helped with one kind of trouble."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "playbook_id": "rollback-bad-release", "signature": "v1|HighErrorRate|http|errors", "helped": 7,
                "tried": 8, "apart": 1, "rate": 0.875, "low": 0.529, "high": 0.978, "words": "7 of 8 (53-98 %)",
            }
        }
    )  # fmt: skip
    playbook_id: str
    signature: str
    helped: int
    tried: int
    apart: int = Field(description="Outcomes that teach nothing, such as unknown ones.")
    rate: float | None = Field(description="Null where nothing was tried.")
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")
    words: str


class LearnedPage(BaseModel):
    """What was learned, by playbook and kind of trouble."""

    items: list[Learned]
    next: None = None


@router.get("/playbooks", response_model=PlaybookPage, responses=documented(401, 403, 422))
async def list_playbooks(
    request: Request,
    caller: Viewer,
    after: Annotated[str | None, Query(max_length=128, description="Continue here: `next` of the answer before.")] = (
        None
    ),
    limit: Limit = 100,
) -> Any:
    """The newest version of every playbook."""
    async with house_of(request).store.begin() as conn:
        rows = sorted(await playbooks.newest(conn), key=lambda row: str(row["id"]))
    rest = [row for row in rows if after is None or row["id"] > after]
    return {"items": rest[:limit], "next": rest[limit - 1]["id"] if len(rest) > limit else None}


@router.get("/playbooks/explain/{incident}", response_model=Explanation, responses=documented(401, 403, 404))
async def explain(request: Request, caller: Viewer, incident: str) -> Any:
    """What the gate would answer to each playbook on this incident, and what each guardrail says."""
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        answers = await proposals.explain_all(conn, site, await find(conn, incident))
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
    """One playbook; its version is its ETag."""
    async with house_of(request).store.begin() as conn:
        row = await _newest(conn, playbook_id)
        if row and version is not None:
            row = await playbooks.version(conn, row["id"], version)
    if row is None:
        raise NotFound(f"There is no playbook {playbook_id[:128]!r}. List them with: nightshift playbooks")
    response.headers["ETag"] = f'"{row["version"]}"'
    return row


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
) -> Any:
    """Write a new version. The whole body is checked; a fault is told with its place and what is allowed there."""
    plain = storable_value(body)
    _check(playbook_id, plain)
    try:
        async with house_of(request).store.begin() as conn:
            _match(if_match, await _newest(conn, playbook_id))
            version = await playbooks.put(conn, playbook_id, plain, source="api", by=caller.actor)
            row = await _newest(conn, playbook_id)
    except psycopg.errors.UniqueViolation:
        raise Problem(409, f"Somebody else wrote playbook {playbook_id} at the same moment; read it again.") from None
    assert row is not None, "it was written in this transaction"
    response.headers["ETag"] = f'"{row["version"]}"'
    return {**row, "changed": version is not None}


@router.get("/learning/stats", response_model=LearnedPage, responses=documented(401, 403), tags=["learning"])
async def learned(request: Request, caller: Viewer) -> Any:
    """How often each playbook helped: n of N with the 95 % interval, by kind of trouble."""
    async with house_of(request).store.begin() as conn:
        rows = await executions.tallies(conn)
    outcomes: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for row in rows:
        outcomes[row["playbook_id"], row["signature"]] += [Outcome(row["outcome"])] * row["times"]
    return {"items": [_learned(book, kind, seen) for (book, kind), seen in sorted(outcomes.items())]}


def _learned(playbook_id: str, signature: str, seen: list[Outcome]) -> dict[str, Any]:
    record = track_record(seen)
    low, high = record.interval
    return {
        "playbook_id": playbook_id,
        "signature": signature,
        "helped": record.helped,
        "tried": record.tried,
        "apart": record.apart,
        "rate": record.helped / record.tried if record.tried else None,
        "low": low,
        "high": high,
        "words": record.words(),
    }


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
