"""Push targets: where the caller can be reached beyond the shared channels."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import house_of, once
from api.problems import documented
from api.routes.auth import Somebody
from api.routes.page import Moment
from api.routes.people import Admin
from api.routes.people_forms import PersonName
from core.plain_text import storable
from store import people, push_targets

router = APIRouter(prefix="/api/v1", tags=["access"])
KIND = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", examples=["ntfy"])
ADDRESS = Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["my-secret-topic"])


class NewTarget(BaseModel):
    """Of which kind, and where."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, KIND]
    address: Annotated[str, ADDRESS]


class Target(BaseModel):
    """A place where somebody can be reached."""

    id: UUID
    kind: str
    address: str
    created_at: Moment
    verified_at: Moment | None = Field(description="Nothing is sent to it before.")


class Targets(BaseModel):
    """In the order of kinds and addresses."""

    targets: list[Target]


@router.get("/auth/push-targets", response_model=Targets, responses=documented(401, 403))
async def list_own_targets(request: Request, caller: Somebody) -> Any:
    """Where the caller can be reached."""
    async with house_of(request).store.begin() as conn:
        return {"targets": await push_targets.of_person(conn, caller.id)}


@router.post(
    "/auth/push-targets", status_code=201, response_model=Target, responses=documented(400, 401, 403, 409, 422)
)
async def add_own_target(request: Request, caller: Somebody, wanted: NewTarget) -> Response:
    """A place where the caller can be reached; nothing is sent to it before it is verified."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            person = await people.get(conn, caller.name, lock=True)
            row = await push_targets.add(conn, person, wanted.kind, storable(wanted.address), by=caller.actor)
            return 201, Target.model_validate(row).model_dump(mode="json")

        return await once(request, caller, conn, work)


@router.delete("/auth/push-targets/{target_id}", response_model=Targets, responses=documented(401, 403, 404))
async def remove_own_target(request: Request, caller: Somebody, target_id: UUID) -> Any:
    """Send nothing there any more; the answer has those that are left."""
    async with house_of(request).store.begin() as conn:
        await push_targets.remove(conn, await people.get(conn, caller.name), target_id, by=caller.actor)
        return {"targets": await push_targets.of_person(conn, caller.id)}


@router.get("/people/{name}/push-targets", response_model=Targets, responses=documented(401, 403, 404))
async def list_targets(request: Request, caller: Admin, name: PersonName) -> Any:
    """Where a person can be reached."""
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, storable(name))
        return {"targets": await push_targets.of_person(conn, person["id"])}


@router.post(
    "/people/{name}/push-targets/{target_id}/verify", response_model=Targets, responses=documented(401, 403, 404)
)
async def verify_target(request: Request, caller: Admin, name: PersonName, target_id: UUID) -> Any:
    """An admin made sure that this is that person's. Doing it twice changes nothing."""
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, storable(name))
        await push_targets.verify(conn, person, target_id, by=caller.actor)
        return {"targets": await push_targets.of_person(conn, person["id"])}
