"""The queue, for operators: how much waits, and how long the oldest does."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.page import Moment
from store import listing, notifications
from store.pool import now

router = APIRouter(prefix="/api/v1", tags=["operation"])


class TaskCount(BaseModel):
    """Jobs of one task in one state."""

    state: str
    task: str
    jobs: int
    oldest_at: Moment | None = Field(description="Only for jobs that wait or work.")


class Outbox(BaseModel):
    """Messages that wait for being sent, or could not be."""

    pending: int
    failed: int
    oldest_s: float


class Queue(BaseModel):
    """The queue and the outbox."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "states": {"todo": 1, "succeeded": 40}, "oldest_waiting_s": 0.4,
                "tasks": [{"state": "todo", "task": "run_incident", "jobs": 1, "oldest_at": "2026-03-01T09:59:00Z"}],
                "outbox": {"pending": 0, "failed": 0, "oldest_s": 0.0},
            }
        }
    )  # fmt: skip
    states: dict[str, int]
    oldest_waiting_s: float | None = Field(description="Seconds; null where nothing waits.")
    tasks: list[TaskCount]
    outbox: Outbox


@router.get("/jobs", response_model=Queue, responses=documented(401, 403))
async def read_queue(request: Request, caller: Annotated[Principal, Depends(needs(Role.OPERATOR))]) -> Any:
    """Jobs by state and task, the oldest that waits, and the outbox."""
    async with house_of(request).store.begin() as conn:
        rows, moment = await listing.queue(conn), await now(conn)
        outbox = await notifications.counts(conn)
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + row["jobs"]
    waiting = [row["oldest_at"] for row in rows if row["state"] == "todo" and row["oldest_at"]]
    oldest_s = max((moment - min(waiting)).total_seconds(), 0.0) if waiting else None
    return {"states": states, "oldest_waiting_s": oldest_s, "tasks": rows, "outbox": outbox}
