"""Chat accounts of persons: a code to link one, the accounts that are linked, and who an account is."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.access import Role, house_of
from api.problems import Problem, documented
from api.routes.auth import Somebody, as_problems
from api.routes.page import Moment
from api.routes.people import Admin
from api.routes.people_forms import PersonName
from core.plain_text import storable
from engine import linking
from store import identities, one_time_codes, people
from store.identities import Account
from store.one_time_codes import Purpose

router = APIRouter(prefix="/api/v1", tags=["access"])
PLATFORM = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", examples=["telegram"])
PLACE = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["7301"])


class LinkCode(BaseModel):
    """A code to type into a chat with Nightshift; shown only now, good once and for ten minutes."""

    code: str
    expires_at: Moment


class ChatIdentity(BaseModel):
    """An account on a chat platform that is a person."""

    id: UUID
    platform: str
    workspace: str
    account: str
    linked_at: Moment


class ChatIdentities(BaseModel):
    """The accounts of a person, the last linked one first."""

    identities: list[ChatIdentity]


class Redemption(BaseModel):
    """Who typed which code."""

    model_config = ConfigDict(extra="forbid")

    platform: Annotated[str, PLATFORM]
    workspace: Annotated[str, PLACE]
    account: Annotated[str, PLACE] = Field(description="The platform's id of the user, never of the chat.")
    code: str = Field(max_length=40, examples=["7KQ2M-9XWPA"])


class Who(BaseModel):
    """Who an account is."""

    person: str | None = Field(description="Null: a stranger, who may do nothing.")
    role: str | None


@router.post("/auth/link-code", status_code=201, response_model=LinkCode, responses=documented(401, 403, 409))
async def make_link_code(request: Request, caller: Somebody) -> Response:
    """A code that links a chat account to the caller; an older one is no good any more."""
    if caller.role is Role.BREAK_GLASS:
        raise Problem(422, "A break-glass person has no chat account: link the person who works here.")
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, caller.name)
        code = one_time_codes.new_code(Purpose.LINK)
        expires_at = await one_time_codes.add(conn, person, Purpose.LINK, code, by=caller.actor)
    told = LinkCode(code=f"{code[:5]}-{code[5:]}", expires_at=expires_at)
    return JSONResponse(told.model_dump(mode="json"), 201, {"Cache-Control": "no-store"})


@router.get("/auth/identities", response_model=ChatIdentities, responses=documented(401, 403))
async def list_own_identities(request: Request, caller: Somebody) -> Any:
    """The caller's chat accounts."""
    async with house_of(request).store.begin() as conn:
        return {"identities": await identities.of_person(conn, caller.id)}


@router.post(
    "/auth/identities/{identity_id}/revoke", response_model=ChatIdentities, responses=documented(401, 403, 404)
)
async def revoke_own_identity(request: Request, caller: Somebody, identity_id: UUID) -> Any:
    """This account is the caller no more; the answer has those that are left."""
    return await _revoke(request, caller.name, identity_id, caller.actor)


@router.get("/people/{name}/identities", response_model=ChatIdentities, responses=documented(401, 403, 404))
async def list_identities(request: Request, caller: Admin, name: PersonName) -> Any:
    """The chat accounts of a person."""
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, storable(name))
        return {"identities": await identities.of_person(conn, person["id"])}


@router.post(
    "/people/{name}/identities/{identity_id}/revoke",
    response_model=ChatIdentities,
    responses=documented(401, 403, 404),
)
async def revoke_identity(request: Request, caller: Admin, name: PersonName, identity_id: UUID) -> Any:
    """This account is that person no more; the answer has those that are left."""
    return await _revoke(request, storable(name), identity_id, caller.actor)


@router.post("/identities/redeem", response_model=Who, responses=documented(400, 401, 403, 409, 422, 429))
async def redeem(request: Request, caller: Admin, wanted: Redemption) -> Any:
    """Link the account that typed a code to the person who asked for it; for a chat front end of your own."""
    account = Account(wanted.platform, storable(wanted.workspace), storable(wanted.account))
    with as_problems():
        person = await linking.redeem(house_of(request).store, account, wanted.code)
    return {"person": person["name"], "role": person["role"]}


@router.get("/identities/who", response_model=Who, responses=documented(401, 403, 422))
async def who_is(
    request: Request,
    caller: Admin,
    platform: Annotated[str, Query(max_length=32)],
    workspace: Annotated[str, Query(max_length=200)],
    account: Annotated[str, Query(max_length=200)],
) -> Any:
    """Who an account on a chat platform is, and what they may do."""
    async with house_of(request).store.begin() as conn:
        asked = Account(storable(platform), storable(workspace), storable(account))
        person = await identities.person_of(conn, asked)
    return {"person": person and person["name"], "role": person and person["role"]}


async def _revoke(request: Request, name: str, identity_id: UUID, by: str) -> dict[str, Any]:
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, name)
        await identities.revoke(conn, person, identity_id, by=by)
        return {"identities": await identities.of_person(conn, person["id"])}
