"""Persons: who may look, answer, approve, operate and administer. Each has a key, shown once."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from store import people

router = APIRouter(prefix="/api/v1/people", tags=["access"])
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]


class NewPerson(BaseModel):
    """What a person is made of."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@ -]{0,62}$")]
    role: Literal["viewer", "responder", "approver", "operator", "admin"]


@router.get("", responses=documented(401, 403, 503))
async def list_people(request: Request, caller: Admin) -> dict[str, Any]:
    """All persons with their roles."""
    async with house_of(request).store.begin() as conn:
        return {"people": await people.persons(conn)}


@router.post("", status_code=201, responses=documented(400, 401, 403, 422, 503))
async def add_person(request: Request, caller: Admin, wanted: NewPerson) -> Response:
    """A new person; their `key` is in this answer and nowhere else."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            person_id = await people.add_person(conn, wanted.name, wanted.role, by=caller.actor)
            key = people.new_key()
            await people.add_key(conn, key, person=person_id)
            return 201, {"id": str(person_id), "name": wanted.name, "role": wanted.role, "key": key}

        return await once(request, caller, conn, work, secret=("key",))
