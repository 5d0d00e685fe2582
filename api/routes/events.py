"""The timeline of an incident as server-sent events: every row once, in order, from any number on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.access import KnownKeys, Principal, Role, house_of, needs
from api.problems import Problem, documented
from api.routes.incidents import find
from api.routes.page import Moment
from core.errors import Unavailable
from store import timeline
from store.pool import Row, Store

router = APIRouter(prefix="/api/v1", tags=["incidents"])
log = structlog.get_logger(__name__)

PING_S = 15
LET_IN_S = 10.0
REREAD_S = 2.0  # a wake-up may be lost, a row never
ROWS_AT_ONCE_MAX = 500
SEND_S_MAX = 30.0
SEQ_MAX = 2**63 - 1


class TimelineRow(BaseModel):
    """One row of a timeline. Numbers have no gaps."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "seq": 3, "at": "2026-03-01T09:59:00Z", "kind": "diagnosis", "actor": "nightshift", "reason": "",
                "body": {"summary": "checkout broke right after a change: v42 was deployed."},
            }
        }
    )  # fmt: skip
    seq: int
    at: Moment
    kind: str
    actor: str
    reason: str
    body: dict[str, Any]


class TimelinePage(BaseModel):
    """Rows that are there now, oldest first."""

    items: list[TimelineRow]
    next: int | None = Field(description="`after` of the next page; null at the end.")


STREAM = {
    "description": "With `follow=false` a page; otherwise a stream: event id `seq`, event `kind`, data the row.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get(
    "/incidents/{ref}/events",
    response_model=TimelinePage,
    responses={200: STREAM, **documented(401, 403, 404, 422)},
)
async def read_events(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.VIEWER))],
    ref: str,
    after: Annotated[int, Query(ge=0, le=SEQ_MAX, description="Only rows with higher numbers.")] = 0,
    limit: Annotated[int, Query(ge=1, le=ROWS_AT_ONCE_MAX, description="Rows of a page (`follow=false`).")] = 200,
    follow: Annotated[bool, Query(description="Stay, and get rows as they are written.")] = True,
    last_event_id: Annotated[str | None, Header(description="Outranks `after`; browsers send it.")] = None,
) -> Any:
    """The timeline from a number on: as a stream that goes on, or as a page."""
    seen = after if last_event_id is None else _number(last_event_id)
    store: Store = house_of(request).store
    async with store.begin() as conn:
        incident_id = (await find(conn, ref))["id"]
        rows = [] if follow else await timeline.after(conn, incident_id, seen, rows_max=limit + 1)
    if follow:
        events = _events(request, store, incident_id, seen, caller)
        return EventSourceResponse(events, ping=PING_S, send_timeout=SEND_S_MAX)
    return {"items": rows[:limit], "next": rows[limit - 1]["seq"] if len(rows) > limit else None}


async def _events(
    request: Request, store: Store, incident_id: UUID, seen: int, caller: Principal
) -> AsyncIterator[ServerSentEvent]:
    """Rows after `seen`, for as long as somebody reads who works here and is logged in, and this process does not drain
    (`app.state.draining`)."""
    let_in = time.monotonic()
    async with store.bus.subscribe(timeline.channel(incident_id)) as wakes:
        while not getattr(request.app.state, "draining", False):
            if time.monotonic() - let_in > LET_IN_S:
                if not await _still(request, caller):
                    return
                let_in = time.monotonic()
            rows = await _read(store, incident_id, seen)
            for row in rows:
                yield _event(row)
                seen = row["seq"]
            if len(rows) == ROWS_AT_ONCE_MAX:
                continue
            try:
                async with asyncio.timeout(REREAD_S):
                    await anext(wakes)
            except TimeoutError:
                continue
            except StopAsyncIteration:  # the house closes
                return


async def _still(request: Request, caller: Principal) -> bool:
    """A database that is away for a moment throws nobody out."""
    try:
        known: KnownKeys = request.app.state.keys
        return await known.still(caller)
    except Unavailable:
        return True


async def _read(store: Store, incident_id: UUID, seen: int) -> list[Row]:
    try:
        async with store.begin() as conn:
            return await timeline.after(conn, incident_id, seen, rows_max=ROWS_AT_ONCE_MAX)
    except Unavailable as error:
        log.warning("events.database_away", incident_id=str(incident_id), error=error.detail)
        await asyncio.sleep(REREAD_S)
        return []


def _event(row: Row) -> ServerSentEvent:
    data = TimelineRow.model_validate(row).model_dump(mode="json")
    return ServerSentEvent(json.dumps(data, ensure_ascii=False), event=row["kind"], id=str(row["seq"]), sep="\n")


def _number(text: str) -> int:
    """A Last-Event-ID of ours."""
    if text.isascii() and text.isdecimal() and len(text) <= len(str(SEQ_MAX)) and int(text) <= SEQ_MAX:
        return int(text)
    raise Problem(422, "Last-Event-ID must be the number of a timeline row.")
