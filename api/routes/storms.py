"""Storms: incidents that opened together and are told as one."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.page import Limit, Moment, page_of
from store import storms

router = APIRouter(prefix="/api/v1", tags=["incidents"])
NUMBER_MAX = 2**63 - 1


class Storm(BaseModel):
    """One storm; `GET /incidents?storm=N` lists its incidents."""

    id: UUID
    number: int = Field(description="The short number that people use.")
    incident_count: int
    told: int = Field(description="How many pieces of news about the whole of it were told: its beginning, doublings.")
    began_at: Moment
    last_at: Moment = Field(description="When the newest of its incidents opened.")
    ended_at: Moment | None = Field(description="Null while it lasts.")


class StormPage(BaseModel):
    """Storms, newest first."""

    items: list[Storm]
    next: int | None = Field(description="`before` of the next page; null at the end.")


@router.get("/storms", response_model=StormPage, responses=documented(401, 403, 422))
async def list_storms(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.VIEWER))],
    before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Only lower numbers than this.")] = None,
    limit: Limit = 50,
) -> Any:
    """Storms, newest first."""
    async with house_of(request).store.begin() as conn:
        rows = await storms.page(conn, before=before, rows=limit + 1)
    return page_of(rows, limit, dict, cursor="number")
