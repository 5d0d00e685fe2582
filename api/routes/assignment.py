"""Who looks after an incident: given to a person, handed on, or to nobody."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import Problem, documented
from api.routes.incident_forms import TEXT_CHARS_MAX, Incident
from api.routes.incidents import find, plain
from core.errors import IllegalTransition
from core.plain_text import storable
from core.regrouping import MERGED, Objection, Whole, what_to_do
from store import audit, incidents, people, timeline
from store.pool import Connection

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
            before = await incidents.get(conn, incident["id"], lock=True)
            if before["state"] == MERGED:
                whole = Whole(before["number"], before["state"], before["merged_into"])
                raise IllegalTransition(what_to_do(Objection.MERGED_ALREADY, whole), Objection.MERGED_ALREADY)
            assignee = None if body.assignee is None else await _may_answer(conn, storable(body.assignee))
            if await incidents.assign(conn, before["id"], assignee):
                said = {"from": before["assignee"], "to": assignee, "text": storable(body.reason)}
                why = "assigned" if assignee else "unassigned"
                await timeline.append(
                    conn, before["id"], "incident.assigned", actor=caller.actor, reason=why, body=said
                )
                await audit.write(
                    conn, actor=caller.actor, action="incident.assign", subject=f"incident:{before['id']}",
                    before=before["assignee"] or "", after=assignee or "", reason=storable(body.reason),
                )  # fmt: skip
            return 200, plain(await incidents.get(conn, before["id"]))

        return await once(request, caller, conn, work)


async def _may_answer(conn: Connection, name: str) -> str:
    """A person who can do something about it. Raises a 422."""
    person = next((row for row in await people.persons(conn) if row["name"] == name), None)
    if person is None or person["disabled_at"] is not None:
        said = f"There is no person {name!r} who works here: add one with `nightshift people add`, or check the name."
        raise Problem(422, said, reason="unknown_person")
    if not Role(person["role"]).covers(Role.RESPONDER):
        said = (
            f"{name} has the role {person['role']} and can change nothing: choose a responder, or give them that role."
        )
        raise Problem(422, said, reason="cannot_answer")
    return name
