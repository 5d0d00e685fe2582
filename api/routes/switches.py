"""Switches that stop actions: more people may turn them on than off."""

from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import Problem, documented
from api.routes.page import Moment
from core.plain_text import storable
from engine.stopping import KILL, tell_stop, turn_kill
from store import listing
from store.pool import Connection
from store.site import set_switch, switch_is_on

router = APIRouter(prefix="/api/v1", tags=["switches"])
Name = Literal["kill", "observe_only", "shadow"]
REASON_CHARS_MAX = 1_000


class Switch(BaseModel):
    """A switch, and who turned it last."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "kill", "on": True, "reason": "provider maintenance", "changed_by": "person:early",
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

    on: bool = Field(strict=True)
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
    name: Name,
    body: Turn,
) -> Any:
    """Turn a switch. Anybody on call may stop every action; letting them run again needs an operator.

    `kill`: nothing acts. `observe_only`: set after a restore. `shadow`: proposals are only recorded and compared.
    """
    if not body.on and not caller.role.covers(Role.OPERATOR):
        said = f"Turning the {name} switch off needs the role operator; this key has the role {caller.role}."
        raise Problem(403, said, reason="role_missing")
    site = await house_of(request).site()
    async with house_of(request).store.begin() as conn:
        reason, told = storable(body.reason), name == KILL and body.on and not await switch_is_on(conn, KILL)
        if name == KILL:
            await turn_kill(conn, body.on, by=caller.actor, reason=reason)
        else:
            await set_switch(conn, name, body.on, by=caller.actor, reason=reason)
        if told:
            await tell_stop(conn, site.channels, by=caller.name, reason=reason)
        return next(switch for switch in await _switches(conn) if switch["name"] == name)


async def _switches(conn: Connection) -> list[dict[str, Any]]:
    untouched = {"on": False, "reason": "", "changed_by": "", "changed_at": None}
    touched = {row["name"]: {**row, "on": row["is_on"]} for row in await listing.switches(conn)}
    return list({**{name: {"name": name, **untouched} for name in get_args(Name)}, **touched}.values())
