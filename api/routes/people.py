"""Persons: who may look, answer, approve, operate and administer; their keys, and how they leave."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from api.routes.people_forms import (
    BREAK_GLASS_KEY_S,
    Key,
    Keys,
    MadeKey,
    MadePerson,
    NewKey,
    NewPerson,
    People,
    Person,
    PersonDetail,
    PersonName,
    RoleChange,
)
from core.errors import BadInput, IllegalTransition
from core.plain_text import storable
from store import keys, people, teams
from store.pool import Connection, Row

router = APIRouter(prefix="/api/v1/people", tags=["access"])
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]


@router.get("", response_model=People, responses=documented(401, 403, 503))
async def list_people(request: Request, caller: Admin) -> dict[str, Any]:
    """All persons with their roles."""
    async with house_of(request).store.begin() as conn:
        return {"people": await people.persons(conn)}


@router.post("", status_code=201, response_model=MadePerson, responses=documented(400, 401, 403, 422, 503))
async def add_person(request: Request, caller: Admin, wanted: NewPerson) -> Response:
    """A new person; their `key` is in this answer and nowhere else. That of a break-glass person works for an hour."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            person_id = await people.add_person(conn, wanted.name, wanted.role, by=caller.actor)
            person = await people.get(conn, wanted.name, lock=True)
            key = people.new_key()
            await keys.add(conn, person, key, by=caller.actor, label="first", expires_s=key_lives_s(person, None))
            return 201, {"id": str(person_id), "name": wanted.name, "role": wanted.role, "key": key}

        return await once(request, caller, conn, work, secret=("key",))


@router.get("/{name}", response_model=PersonDetail, responses=documented(401, 403, 404))
async def get_person(request: Request, caller: Admin, name: PersonName) -> Any:
    """One person, and by what they can show who they are; never any of it."""
    async with house_of(request).store.begin() as conn:
        return await _detail(conn, await people.get(conn, storable(name)))


@router.put("/{name}", response_model=Person, responses=documented(400, 401, 403, 404, 409, 422))
async def change_role(request: Request, caller: Admin, name: PersonName, wanted: RoleChange) -> Any:
    """Let a person do more or less, at once. The last admin stays one."""
    async with house_of(request).store.begin() as conn:
        if (await people.get(conn, storable(name)))["role"] == Role.BREAK_GLASS:
            raise BadInput("A break-glass person stays one: deactivate them, and add another person.")
        await people.set_role(conn, storable(name), wanted.role, by=caller.actor)
        return await people.get(conn, storable(name))


@router.post("/{name}/deactivate", response_model=Person, responses=documented(401, 403, 404, 409))
async def deactivate(request: Request, caller: Admin, name: PersonName) -> Response:
    """Somebody leaves: keys, sessions and chat links end at once, what they did stays. Twice changes nothing."""
    return await _switched(request, caller, name, people.deactivate)


@router.post("/{name}/activate", response_model=Person, responses=documented(401, 403, 404, 409))
async def activate(request: Request, caller: Admin, name: PersonName) -> Response:
    """Somebody comes back: with their password, or a new key. Twice changes nothing."""
    return await _switched(request, caller, name, people.activate)


@router.get("/{name}/keys", response_model=Keys, responses=documented(401, 403, 404))
async def list_keys(request: Request, caller: Admin, name: PersonName) -> Any:
    """The keys of a person that open anything: their last characters."""
    async with house_of(request).store.begin() as conn:
        return {"keys": await keys.in_use(conn, (await people.get(conn, storable(name)))["id"])}


@router.post(
    "/{name}/keys", status_code=201, response_model=MadeKey, responses=documented(400, 401, 403, 404, 409, 422)
)
async def add_key(request: Request, caller: Admin, name: PersonName, wanted: NewKey) -> Response:
    """A key of a person, which is in this answer and nowhere else."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            return 201, await make_key(conn, await people.get(conn, storable(name), lock=True), wanted, caller)

        return await once(request, caller, conn, work, secret=("key",))


@router.post("/{name}/keys/{key_id}/revoke", response_model=Keys, responses=documented(401, 403, 404))
async def revoke_key(request: Request, caller: Admin, name: PersonName, key_id: UUID) -> Any:
    """End a key at once; the answer has those that are left. Doing it twice changes nothing."""
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, storable(name))
        await keys.revoke(conn, person, key_id, by=caller.actor)
        return {"keys": await keys.in_use(conn, person["id"])}


def key_lives_s(person: Row, wanted_s: float | None) -> float | None:
    """How long a new key of this person works: that of a break-glass person an hour at most."""
    if person["role"] != Role.BREAK_GLASS:
        return wanted_s
    return BREAK_GLASS_KEY_S if wanted_s is None else min(wanted_s, BREAK_GLASS_KEY_S)


async def make_key(conn: Connection, person: Row, wanted: NewKey, caller: Principal) -> dict[str, Any]:
    """A new key of a person who works here, as the answer that shows it. `person` is locked."""
    if person["disabled_at"] is not None:
        raise IllegalTransition(f"{person['name']} is deactivated: activate them first.", "deactivated")
    key = people.new_key()
    lives_s = key_lives_s(person, wanted.expires_s)
    row = await keys.add(conn, person, key, by=caller.actor, label=wanted.label, expires_s=lives_s)
    return {**Key.model_validate(row).model_dump(mode="json"), "name": person["name"], "key": key}


async def _switched(request: Request, caller: Principal, name: str, switch: Any) -> Response:
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            await switch(conn, storable(name), by=caller.actor)
            return 200, Person.model_validate(await people.get(conn, storable(name))).model_dump(mode="json")

        return await once(request, caller, conn, work)


async def _detail(conn: Connection, person: Row) -> dict[str, Any]:
    names = [team["name"] for team in await teams.every(conn) if _belongs(team, person["name"])]
    shown = await people.credentials(conn, person["id"])
    return {**person, **shown, "teams": names, "keys": await keys.in_use(conn, person["id"])}


def _belongs(team: Row, name: str) -> bool:
    return any(member["name"] == name for member in team["members"])
