"""Who is on call: the rotas of teams and of the house, overrides, and the answer for now or for any moment."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from api.routes.page import GivenMoment, Moment
from core.errors import BadInput
from core.plain_text import storable, storable_value
from core.rota import SHIFTS_MAX, TURNS_MAX, OnCall, RotaReason
from store import people, rotas
from store.pool import Connection, Row, now

router = APIRouter(prefix="/api/v1", tags=["on call"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Responder = Annotated[Principal, Depends(needs(Role.RESPONDER))]
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
RotaName = Annotated[str, Path(max_length=63)]
NAME = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$", examples=["payments"])
PERSON = Field(min_length=1, max_length=63, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["early"])
WEEK_TIME = Field(max_length=32, description="A day and a wall-clock time of the rota's zone.", examples=["mon 09:00"])
REASON = Field(max_length=500, examples=["swapped for the concert"])
ROTA: Any = {
    "name": "payments", "team": "payments", "zone": "Europe/Berlin", "first_day": "2026-03-02", "fallback": "lead",
    "shifts": [{"from": "mon 09:00", "to": "mon 09:00", "people": ["early", "night"]}],
}  # fmt: skip


class ShiftForm(BaseModel):
    """A shift of every week. Several people take turns, week by week, beginning with the first in the first week."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    starts: Annotated[str, WEEK_TIME] = Field(alias="from")
    ends: Annotated[str, WEEK_TIME] = Field(alias="to", description="The same time as `from` is the whole week.")
    people: list[Annotated[str, PERSON]] = Field(min_length=1, max_length=TURNS_MAX)


class RotaIn(BaseModel):
    """A rota, whole."""

    model_config = ConfigDict(extra="forbid")

    team: str | None = Field(None, max_length=63, description="Whose it is; null: of everything without one.")
    zone: str = Field("UTC", max_length=64, examples=["Europe/Berlin"])
    first_day: str = Field(max_length=32, description="No shift begins before; turns count from its week.")
    shifts: list[ShiftForm] = Field(max_length=SHIFTS_MAX)
    fallback: Annotated[str, PERSON] = Field(description="Who is on call where nobody is planned.")


class NewRota(RotaIn):
    """What a rota is made of."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": ROTA})
    name: Annotated[str, NAME]


class OverrideIn(BaseModel):
    """Somebody stands in, whoever it would be."""

    model_config = ConfigDict(extra="forbid")

    person: Annotated[str, PERSON]
    starts_at: GivenMoment | None = Field(None, description="Null: now.")
    ends_at: GivenMoment
    reason: Annotated[str, REASON] = ""


class Override(BaseModel):
    """An override. Of several the one that was given last wins."""

    id: UUID
    person: str
    starts_at: Moment
    ends_at: Moment
    reason: str
    created_by: str


class OnCallNow(BaseModel):
    """Who is on call by one rota."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "rota": "payments", "team": "payments", "person": "early", "reason": "shift",
                "until": "2026-03-09T08:00:00Z",
            }
        }
    )  # fmt: skip
    rota: str
    team: str | None
    person: str
    reason: RotaReason = Field(description="Why it is this person.")
    until: Moment | None = Field(description="Until when that is sure; null: until the rota is changed.")


class OnCallPage(BaseModel):
    """Who is on call at a moment, by every rota or for one service."""

    at: Moment
    on_call: list[OnCallNow]


class Rota(BaseModel):
    """A rota with the overrides that are not over, in the order in which they were given."""

    name: str
    team: str | None
    zone: str
    first_day: str
    shifts: list[ShiftForm]
    fallback: str
    version: int
    updated_by: str
    updated_at: Moment
    overrides: list[Override]


class Rotas(BaseModel):
    """All of them, in the order of their names."""

    rotas: list[Rota]


@router.get("/oncall", response_model=OnCallPage, responses=documented(401, 403, 422))
async def read_on_call(
    request: Request,
    caller: Viewer,
    service: Annotated[str | None, Query(min_length=1, max_length=200, description="Only whom to call for it.")] = None,
    at: Annotated[GivenMoment | None, Query(description="At this moment; now without it.")] = None,
) -> Any:
    """Who is on call. For a service: by the rota of the team that owns it, else by that of the house; or nobody."""
    async with house_of(request).store.begin() as conn:
        moment = at.astimezone(UTC) if at and 1990 < at.year < 2200 else await _only_now(conn, at)
        if service is None:
            found = await rotas.answers(conn, moment)
        else:
            answer = await rotas.for_service(conn, storable(service), moment)
            found = [answer] if answer else []
    return {"at": moment, "on_call": [_answer(row, who) for row, who in found]}


@router.get("/rotas", response_model=Rotas, responses=documented(401, 403))
async def list_rotas(request: Request, caller: Viewer) -> Any:
    """All rotas."""
    async with house_of(request).store.begin() as conn:
        return {"rotas": [_shown(row) for row in await rotas.every(conn)]}


@router.post("/rotas", status_code=201, response_model=Rota, responses=documented(400, 401, 403, 404, 409, 422))
async def add_rota(request: Request, caller: Operator, wanted: NewRota) -> Response:
    """A new rota. A team has one at most, and so has the house."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            made = await rotas.add(conn, wanted.name, **await _given(conn, wanted), by=caller.actor)
            return 201, _plain(made)

        return await once(request, caller, conn, work)


@router.get("/rotas/{name}", response_model=Rota, responses=documented(401, 403, 404))
async def get_rota(request: Request, caller: Viewer, name: RotaName) -> Any:
    """One rota."""
    async with house_of(request).store.begin() as conn:
        return _shown(await rotas.get(conn, storable(name)))


@router.put("/rotas/{name}", response_model=Rota, responses=documented(400, 401, 403, 404, 409, 422))
async def change_rota(request: Request, caller: Operator, name: RotaName, wanted: RotaIn) -> Any:
    """Describe a rota anew, whole; its overrides stay."""
    async with house_of(request).store.begin() as conn:
        given = await _given(conn, wanted)
        return _shown(await rotas.change(conn, storable(name), **given, by=caller.actor))


@router.delete("/rotas/{name}", response_model=Rota, responses=documented(401, 403, 404, 409))
async def remove_rota(request: Request, caller: Operator, name: RotaName) -> Any:
    """Remove a rota, which is the answer, with its overrides."""
    async with house_of(request).store.begin() as conn:
        return _shown(await rotas.remove(conn, storable(name), by=caller.actor))


@router.post(
    "/rotas/{name}/overrides",
    status_code=201,
    response_model=Override,
    responses=documented(400, 401, 403, 404, 409, 422),
)
async def add_override(request: Request, caller: Responder, name: RotaName, wanted: OverrideIn) -> Response:
    """Let somebody stand in for whoever it would be; of several the one given last wins."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            await _may_answer(conn, [storable(wanted.person)])
            row = await rotas.override(
                conn,
                storable(name),
                person=storable(wanted.person),
                starts_at=wanted.starts_at or await now(conn),
                ends_at=wanted.ends_at,
                reason=storable(wanted.reason),
                by=caller.actor,
            )
            return 201, Override.model_validate(row).model_dump(mode="json")

        return await once(request, caller, conn, work)


@router.post("/rotas/{name}/overrides/{override_id}/end", response_model=Rota, responses=documented(401, 403, 404))
async def end_override(request: Request, caller: Responder, name: RotaName, override_id: UUID) -> Any:
    """End an override now; one that has not begun never does. The answer is the rota."""
    async with house_of(request).store.begin() as conn:
        await rotas.end_override(conn, storable(name), override_id, by=caller.actor)
        return _shown(await rotas.get(conn, storable(name)))


async def _only_now(conn: Connection, at: datetime | None) -> datetime:
    if at is not None:
        raise BadInput("A rota answers for the years 1991 to 2199.")
    return await now(conn)


async def _given(conn: Connection, wanted: RotaIn) -> dict[str, Any]:
    said: dict[str, Any] = storable_value(wanted.model_dump(by_alias=True))
    await _may_answer(conn, [said["fallback"], *(name for shift in said["shifts"] for name in shift["people"])])
    body = {name: said[name] for name in ("zone", "first_day", "shifts")}
    return {"team": said["team"], "fallback": said["fallback"], "body": body}


async def _may_answer(conn: Connection, names: list[str]) -> None:
    """Whoever is called has to be able to do something about it. Raises BadInput."""
    for name in sorted(set(names)):
        role = (await people.working(conn, name))["role"]
        if not Role(role).covers(Role.RESPONDER):
            raise BadInput(f"{name} has the role {role} and can answer no call: choose a responder or more.")


def _answer(row: Row, who: OnCall) -> dict[str, Any]:
    return {"rota": row["name"], "team": row["team"], "person": who.person, "reason": who.reason, "until": who.until}


def _shown(row: Row) -> dict[str, Any]:
    return {**row, **row["body"]}


def _plain(row: Row) -> Any:
    return Rota.model_validate(_shown(row)).model_dump(mode="json", by_alias=True)
