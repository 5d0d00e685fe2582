"""Whole incidents: merged, split, opened again; and the timelines of what was merged, read as one."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import Problem, documented
from api.routes.events import TimelineRow
from api.routes.incident_forms import TEXT_CHARS_MAX, Incident, Reasoned
from api.routes.incidents import NUMBER_MAX, Viewer, find, plain
from api.routes.page import Limit
from core.matcher import MATCHERS_MAX
from core.plain_text import storable
from engine import regrouping
from engine.regrouping import By
from store import regrouping as store_regrouping
from store.pool import Row

router = APIRouter(prefix="/api/v1", tags=["incidents"])
Responder = Annotated[Principal, Depends(needs(Role.RESPONDER))]
IDS_MAX = 1_000
REASON = Field("", max_length=TEXT_CHARS_MAX, examples=["the same outage"])


class Merge(BaseModel):
    """Into which incident, and why."""

    model_config = ConfigDict(extra="forbid")

    into: str = Field(max_length=40, description="Number or id of the incident that takes the alerts.", examples=["7"])
    reason: str = REASON


class Split(BaseModel):
    """Which alerts leave: those that are named, and those that match all matchers."""

    model_config = ConfigDict(extra="forbid")

    alerts: list[UUID] = Field(default_factory=list, max_length=IDS_MAX, description="Ids of alerts.")
    matchers: list[Annotated[str, Field(max_length=2_000)]] = Field(
        default_factory=list, max_length=MATCHERS_MAX, examples=[["service=orders-db", "alertname=~Disk.*"]]
    )
    reason: str = REASON


class StoryRow(TimelineRow):
    """One row of a timeline, and whose it is."""

    incident: int = Field(description="The number of the incident; `seq` has no gaps within it.")


class Story(BaseModel):
    """Rows of several timelines, oldest first."""

    items: list[StoryRow]
    next: str | None = Field(description="`after` of the next page; null at the end.")


@router.post("/incidents/{ref}/merge", response_model=Incident, responses=documented(401, 403, 404, 409, 422))
async def merge(request: Request, caller: Responder, ref: str, body: Merge) -> Response:
    """Move its alerts into another incident, where it ends: it becomes `merged` and points there; both histories stay.

    What was proposed for it is superseded. The answer is the incident that took the alerts.
    """
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        source, target = await find(conn, ref), await find(conn, storable(body.into))

        async def work() -> tuple[int, Any]:
            by = By(caller.name, caller.actor, storable(body.reason))
            return 200, plain(await regrouping.merge(conn, site, source["id"], target["id"], by))

        return await once(request, caller, conn, work)


@router.post(
    "/incidents/{ref}/split", response_model=Incident, status_code=201, responses=documented(401, 403, 404, 409, 422)
)
async def split(request: Request, caller: Responder, ref: str, body: Split) -> Response:
    """Move some of its alerts into a new incident, which is the answer. Open approvals of this one are superseded."""
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            by = By(caller.name, caller.actor, storable(body.reason))
            matchers = [storable(one) for one in body.matchers]
            made = await regrouping.split(conn, site, incident["id"], by, ids=body.alerts, matchers=matchers)
            return 201, plain(made)

        return await once(request, caller, conn, work)


@router.post("/incidents/{ref}/reopen", response_model=Incident, responses=documented(401, 403, 404, 409, 422))
async def reopen(request: Request, caller: Responder, ref: str, body: Reasoned) -> Response:
    """Say that it is not over after all: people are told, and escalation begins anew."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            by = By(caller.name, caller.actor, storable(body.reason))
            return 200, plain(await regrouping.reopen(conn, incident["id"], by))

        return await once(request, caller, conn, work)


@router.get("/incidents/{ref}/story", response_model=Story, responses=documented(401, 403, 404, 422))
async def read_story(
    request: Request,
    caller: Viewer,
    ref: str,
    after: Annotated[str | None, Query(max_length=100, description="`next` of the page before.")] = None,
    limit: Limit = 100,
) -> Any:
    """Its timeline together with those of all incidents that were merged into it."""
    seen = None if after is None else _cursor(after)
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)
        rows = await store_regrouping.story(conn, incident["id"], seen, rows=limit + 1)
    return {"items": rows[:limit], "next": _next(rows[limit - 1]) if len(rows) > limit else None}


def _next(row: Row) -> str:
    return f"{row['at'].isoformat()}~{row['incident']}~{row['seq']}"


def _cursor(text: str) -> tuple[datetime, int, int]:
    at, *numbers = text.split("~")
    try:
        moment, (number, seq) = datetime.fromisoformat(at), map(int, numbers)
        if moment.tzinfo is not None and 0 <= number <= NUMBER_MAX and 0 <= seq <= NUMBER_MAX:
            return moment, number, seq
    except (ValueError, OverflowError):
        pass
    raise Problem(422, "`after` must be the `next` of a page before.")
