"""Log lines of watched folders: searched newest first; and how the watches are."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.page import GivenMoment, Moment
from core.errors import BadInput
from core.log_line import LogLevel
from store import log_positions, logs
from store.pool import Row, now

router = APIRouter(prefix="/api/v1/logs", tags=["logs"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]

LINES_MAX = 1_000
LOOKBACK = timedelta(hours=1)
WORDS_MAX = 10
TEXT = Query(max_length=200, description="Words that a line has to contain, in any case.")


class Line(BaseModel):
    """One line. `at` is the time it begins with, else that of the line before it, else when it was received."""

    at: Moment
    received_at: Moment
    service: str
    environment: str
    file: str
    level: LogLevel
    text: str


class Lines(BaseModel):
    """Newest first. Where `is_cut`, older lines were left out, and `reason` says why."""

    items: list[Line]
    is_cut: bool
    reason: str


class Watch(BaseModel):
    """A watched folder. At `seen_at` all of it was read, without a fault; `began_at` is null before the first time."""

    watch: str
    service: str
    began_at: Moment | None
    seen_at: Moment
    files: int
    faults: list[str] = Field(description="What kept it from seeing or reading more.")


class Watches(BaseModel):
    """All of them."""

    items: list[Watch]


@router.get("", response_model=Lines, responses=documented(401, 403, 422, 503), summary="Search log lines")
async def search(
    request: Request,
    caller: Viewer,
    service: Annotated[str | None, Query(max_length=200)] = None,
    start: Annotated[GivenMoment | None, Query(alias="from", description="An hour before the end if left out.")] = None,
    end: Annotated[GivenMoment | None, Query(alias="to", description="Now if left out.")] = None,
    text: Annotated[str, TEXT] = "",
    level: Annotated[list[LogLevel] | None, Query(description="Only these levels.")] = None,
    limit: Annotated[int, Query(ge=1, le=LINES_MAX)] = 100,
) -> Any:
    """The newest lines of a range of time that fit."""
    words = text.replace("\0", "\ufffd").split()
    if len(words) > WORDS_MAX:
        raise BadInput(f"At most {WORDS_MAX} words can be asked for at once.")
    service = service.replace("\0", "\ufffd") if service else None
    levels = [one.value for one in level] if level else None
    async with house_of(request).store.begin() as conn:
        start, end = _range(start, end, await now(conn))
        found = await logs.search(conn, logs.Search(start, end, service, levels, words, limit + 1))
    is_more = len(found.lines) > limit
    reason = found.reason or (f"only the newest {limit}; ask for an earlier range for more" if is_more else "")
    return {"items": [_shown(row) for row in found.lines[:limit]], "is_cut": bool(reason), "reason": reason}


@router.get("/watches", response_model=Watches, responses=documented(401, 403, 503), summary="List watched folders")
async def watches(request: Request, caller: Viewer) -> Any:
    """How the watched folders are."""
    async with house_of(request).store.begin() as conn:
        return {"items": await log_positions.watches(conn)}


def _range(start: datetime | None, end: datetime | None, moment: datetime) -> tuple[datetime, datetime]:
    """In UTC, where every clock has a place for it."""
    try:
        # A line that was received just now has that very time, and the end is not part of the range.
        end = end.astimezone(UTC) if end else moment + timedelta(seconds=1)
        start = start.astimezone(UTC) if start else end - LOOKBACK
    except OverflowError:
        raise BadInput("That time lies outside of the calendar.") from None
    if start >= end:
        raise BadInput("The range ends before it begins: `from` has to be earlier than `to`.")
    return start, end


def _shown(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in Line.model_fields}
