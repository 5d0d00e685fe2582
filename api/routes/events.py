"""The timeline of an incident as server-sent events: every row once, in order, from any number on."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.incidents import find
from api.routes.page import Moment
from api.streaming import STREAM, After, Follow, LastEventId, RowLimit, Stream, page, place
from store import timeline

router = APIRouter(prefix="/api/v1", tags=["incidents"])


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


@router.get(
    "/incidents/{ref}/events",
    response_model=TimelinePage,
    responses={200: STREAM, **documented(401, 403, 404, 422)},
)
async def read_events(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.VIEWER))],
    ref: str,
    after: After = 0,
    limit: RowLimit = 200,
    follow: Follow = True,
    last_event_id: LastEventId = None,
) -> Any:
    """The timeline from a number on: as a stream that goes on, or as a page."""
    seen = place(after, last_event_id)
    async with house_of(request).store.begin() as conn:
        incident_id = (await find(conn, ref))["id"]
        rows = [] if follow else await timeline.after(conn, incident_id, seen, rows_max=limit + 1)
    if follow:
        return Stream(request, caller, timeline.source(incident_id), seen, TimelineRow)
    return page(rows, limit)
