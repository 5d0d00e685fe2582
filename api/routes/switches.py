"""Switches: the kill switch, that more people may turn on than off."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import Problem, documented
from api.routes.page import Moment
from core.plain_text import storable
from store import listing
from store.pool import Connection
from store.site import set_switch

router = APIRouter(prefix="/api/v1", tags=["switches"])
KILL = "kill"
REASON_CHARS_MAX = 1_000


class Switch(BaseModel):
    """A switch, and who turned it last."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "kill", "on": True, "reason": "provider maintenance", "changed_by": "person:alex",
                "changed_at": "2026-03-01T09:59:00Z",
            }
        }
    )  # fmt: skip
    name: str
    on: bool
    reason: str
    changed_by: str
    changed_at: Moment | None


class Switches(BaseModel):
    """Every switch."""

    items: list[Switch]
    next: None = None


class Turn(BaseModel):
    """How the switch shall be, and why."""

    on: bool
    reason: str = Field("", max_length=REASON_CHARS_MAX, examples=["provider maintenance"])


@router.get("/switches", response_model=Switches, responses=documented(401, 403))
async def list_switches(request: Request, caller: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> Any:
    """Every switch. One that nobody touched is off."""
    async with house_of(request).store.begin() as conn:
        return {"items": await _switches(conn)}


@router.put("/switches/{name}", response_model=Switch, responses=documented(401, 403, 422))
async def turn_switch(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.RESPONDER))],
    name: Literal["kill"],
    body: Turn,
) -> Any:
    """Turn the kill switch. Anybody on call may stop every action; letting them run again needs an operator."""
    if not body.on and not caller.role.covers(Role.OPERATOR):
        said = f"Turning the kill switch off needs the role operator; this key has the role {caller.role}."
        raise Problem(403, said, reason="role_missing")
    async with house_of(request).store.begin() as conn:
        await set_switch(conn, name, body.on, by=caller.actor, reason=storable(body.reason))
        return next(switch for switch in await _switches(conn) if switch["name"] == name)


async def _switches(conn: Connection) -> list[dict[str, Any]]:
    untouched = {"name": KILL, "on": False, "reason": "", "changed_by": "", "changed_at": None}
    touched = {row["name"]: {**row, "on": row["is_on"]} for row in await listing.switches(conn)}
    return list({KILL: untouched, **touched}.values())
