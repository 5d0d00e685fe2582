"""Who looks after an incident: given to a person, handed on, or to nobody."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from api.routes.incident_forms import TEXT_CHARS_MAX, Incident
from api.routes.incidents import find, plain
from core.plain_text import storable
from engine import attending
from store import incidents

router = APIRouter(prefix="/api/v1", tags=["incidents"])
Responder = Annotated[Principal, Depends(needs(Role.RESPONDER))]


class Assignment(BaseModel):
    """To whom, and why."""

    model_config = ConfigDict(extra="forbid")

    assignee: str | None = Field(max_length=63, description="A person's name; null for nobody.", examples=["early"])
    reason: str = Field("", max_length=TEXT_CHARS_MAX, examples=["knows the payment provider"])


@router.post("/incidents/{ref}/assign", response_model=Incident, responses=documented(401, 403, 404, 409, 422))
async def assign(request: Request, caller: Responder, ref: str, body: Assignment) -> Response:
    """Give it to a person, or to nobody. Doing it twice changes nothing. Only an acknowledgement stops escalation."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            assignee = None if body.assignee is None else storable(body.assignee)
            reason = storable(body.reason)
            await attending.assign(conn, incident["id"], assignee, by=caller.name, reason=reason)
            return 200, plain(await incidents.get(conn, incident["id"]))

        return await once(request, caller, conn, work)
