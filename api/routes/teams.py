"""Teams: their members and the services they own, so that there is one answer to whom to ask about a service."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from api.routes.page import Moment
from core.plain_text import storable
from store import teams

router = APIRouter(prefix="/api/v1", tags=["teams"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]
MEMBERS_MAX = 200
SERVICES_MAX = 1_000
TeamName = Annotated[str, Path(max_length=63)]
NAME = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$", examples=["payments"])
TEXT = Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["carts, checkout and refunds"])
SERVICE = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
PERSON = Field(min_length=1, max_length=63, pattern=r"^[^\x00-\x1f\x7f]*$")


class TeamIn(BaseModel):
    """A team, whole."""

    model_config = ConfigDict(extra="forbid")

    purpose: Annotated[str, TEXT] = ""
    members: list[Annotated[str, PERSON]] = Field(
        default_factory=list, max_length=MEMBERS_MAX, description="Names of persons.", examples=[["early", "night"]]
    )
    services: list[Annotated[str, SERVICE]] = Field(
        default_factory=list, max_length=SERVICES_MAX, description="Each has one owner.", examples=[["checkout"]]
    )


class NewTeam(TeamIn):
    """What a team is made of."""

    name: Annotated[str, NAME]


class Member(BaseModel):
    """Somebody who belongs to a team and works here."""

    name: str
    role: str
    since: Moment


class Team(BaseModel):
    """A team with its members who work here, in the order of their names."""

    name: str
    purpose: str
    members: list[Member]
    services: list[str]
    rota: str | None = Field(description="The rota that says who of them is on call.")
    created_at: Moment


class Teams(BaseModel):
    """All of them, in the order of their names."""

    teams: list[Team]


class Owner(BaseModel):
    """Whom to ask about a service."""

    service: str
    team: Team | None = Field(description="Null where no team owns it.")


@router.get("/teams", response_model=Teams, responses=documented(401, 403))
async def list_teams(request: Request, caller: Viewer) -> Any:
    """All teams."""
    async with house_of(request).store.begin() as conn:
        return {"teams": await teams.every(conn)}


@router.post("/teams", status_code=201, response_model=Team, responses=documented(400, 401, 403, 409, 422))
async def add_team(request: Request, caller: Admin, wanted: NewTeam) -> Response:
    """A new team."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            made = await teams.add(conn, wanted.name, **_given(wanted), by=caller.actor)
            return 201, Team.model_validate(made).model_dump(mode="json")

        return await once(request, caller, conn, work)


@router.get("/teams/{name}", response_model=Team, responses=documented(401, 403, 404))
async def get_team(request: Request, caller: Viewer, name: TeamName) -> Any:
    """One team."""
    async with house_of(request).store.begin() as conn:
        return await teams.get(conn, storable(name))


@router.put("/teams/{name}", response_model=Team, responses=documented(400, 401, 403, 404, 409, 422))
async def change_team(request: Request, caller: Admin, name: TeamName, wanted: TeamIn) -> Any:
    """Describe a team anew, whole: who and what is not named does not belong to it any more."""
    async with house_of(request).store.begin() as conn:
        return await teams.change(conn, storable(name), **_given(wanted), by=caller.actor)


@router.delete("/teams/{name}", response_model=Team, responses=documented(401, 403, 404, 409))
async def remove_team(request: Request, caller: Admin, name: TeamName) -> Any:
    """Remove a team, which is the answer; its members stay persons, its services have no owner."""
    async with house_of(request).store.begin() as conn:
        return await teams.remove(conn, storable(name), by=caller.actor)


@router.get("/owner", response_model=Owner, responses=documented(401, 403, 422))
async def get_owner(
    request: Request, caller: Viewer, service: Annotated[str, Query(min_length=1, max_length=200)]
) -> Any:
    """The team that owns a service."""
    async with house_of(request).store.begin() as conn:
        team = await teams.owner(conn, storable(service))
        return {"service": service, "team": await teams.get(conn, team["name"]) if team else None}


def _given(wanted: TeamIn) -> dict[str, Any]:
    return {
        "purpose": storable(wanted.purpose),
        "members": [storable(name) for name in wanted.members],
        "services": [storable(name) for name in wanted.services],
    }
