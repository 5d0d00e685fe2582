"""Heartbeats: who says again and again that all is well, and whether it still does. Rules are in `suppression`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from api.routes.page import Moment
from core.heartbeat import HeartbeatState, IntervalReason
from engine.heartbeats import Heard, judged
from store import heartbeats

router = APIRouter(prefix="/api/v1/heartbeats", tags=["heartbeats"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]


class Heartbeat(BaseModel):
    """One heartbeat and how it is judged."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f11", "name": "Watchdog", "state": "beating",
                "rule": "watchdog", "source": "prometheus", "labels": {"alertname": "Watchdog", "cluster": "eu-1"},
                "interval_s": 60.0, "interval_from": "learned", "last_beat_at": "2026-03-01T09:59:00Z",
                "absent_at": "2026-03-01T10:01:30Z", "absent_since": None,
            }
        }
    )  # fmt: skip
    id: UUID
    name: str
    state: HeartbeatState = Field(description="`unknown`: overdue, but only since senders could not reach us.")
    rule: str = Field(description="The rule by which it is a heartbeat.")
    source: str = Field(description="Who sent the last beat.")
    labels: dict[str, str]
    interval_s: float
    interval_from: IntervalReason = Field(description="Configured in its rule, learned from its beats, or assumed.")
    last_beat_at: Moment
    absent_at: Moment = Field(description="It is absent if it has not beaten until then.")
    absent_since: Moment | None = Field(description="When its absence was raised; null while it is not absent.")


class Heartbeats(BaseModel):
    """All heartbeats, oldest first."""

    items: list[Heartbeat]


class Retired(BaseModel):
    """The heartbeat that nobody waits for any more."""

    id: UUID
    name: str


@router.get("", response_model=Heartbeats, responses=documented(401, 403))
async def list_heartbeats(request: Request, caller: Viewer) -> Any:
    """Every heartbeat with its state, its interval and where the interval comes from."""
    async with house_of(request).store.begin() as conn:
        return {"items": [_shown(one) for one in await judged(conn) if not one.is_over]}


@router.post("/{heartbeat_id}/retire", response_model=Retired, responses=documented(401, 403, 404, 409, 422))
async def retire(request: Request, caller: Operator, heartbeat_id: UUID) -> Any:
    """Stop waiting for one that was taken down; what was raised about it is resolved. A new beat brings it back."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            row = await heartbeats.retire(conn, heartbeat_id, by=caller.actor)
            return 200, {"id": str(row["id"]), "name": row["labels"].get("alertname", "")}

        return await once(request, caller, conn, work)


def _shown(one: Heard) -> dict[str, Any]:
    assert one.rule is not None, "what has no rule is over"
    assert one.pulse is not None, "a rule gives a pulse"
    return {
        "id": one.row["id"],
        "name": one.row["labels"].get("alertname", ""),
        "state": one.state,
        "rule": one.rule.title or one.rule.id,
        "source": one.row["source"],
        "labels": one.row["labels"],
        "interval_s": one.pulse.interval_s,
        "interval_from": one.pulse.reason,
        "last_beat_at": one.row["last_beat_at"],
        "absent_at": one.pulse.absent_at,
        "absent_since": one.row["absent_since"],
    }
