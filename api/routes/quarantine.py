"""What could not be used: found by source and reason, and read as it came."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.page import BeforeId, Limit, Moment, page_of
from core.plain_text import readable, storable
from store import quarantine
from store.pool import Row

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"])
# A body may hold whatever its sender put into it, so it is not for everybody.
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]


class Kept(BaseModel):
    """One body, or one alert of a batch, that could not be used."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f11", "source": "prometheus",
                "received_at": "2026-03-01T09:59:00Z", "reason": "bad_time", "detail": "startsAt is no time",
                "body_bytes": 512,
            }
        }
    )  # fmt: skip
    id: UUID
    source: str
    received_at: Moment
    reason: str
    detail: str
    body_bytes: int = Field(description="What is kept; of a longer body the first 64 KiB.")


class KeptBody(Kept):
    """The same with the body."""

    body: str = Field(description="As text; bytes and characters that cannot be shown are escapes such as \\x00.")


class Count(BaseModel):
    """How many there are of one source for one reason."""

    source: str
    reason: str
    bodies: int


class KeptPage(BaseModel):
    """Newest first."""

    items: list[Kept]
    next: UUID | None
    facets: list[Count] = Field(description="All of them, filters left aside.")


@router.get("", response_model=KeptPage, responses=documented(401, 403, 422))
async def list_kept(
    request: Request,
    caller: Operator,
    source: Annotated[str | None, Query(max_length=200)] = None,
    reason: Annotated[str | None, Query(max_length=200)] = None,
    before: BeforeId = None,
    limit: Limit = 50,
) -> Any:
    """What could not be used, newest first, without the bodies."""
    wanted = {"source": source and storable(source), "reason": reason and storable(reason)}
    async with house_of(request).store.begin() as conn:
        rows = await quarantine.page(conn, **wanted, before=before, rows=limit + 1)
        return page_of(rows, limit, dict, facets=await quarantine.facets(conn))


@router.get("/{body_id}", response_model=KeptBody, responses=documented(401, 403, 404, 422))
async def get_kept(request: Request, caller: Operator, body_id: UUID) -> Any:
    """One of them with its body."""
    async with house_of(request).store.begin() as conn:
        row: Row = await quarantine.get(conn, body_id)
    return {**row, "body": readable(bytes(row["body"]))}
