"""Logging in and out: a session is a cookie of a browser, and every write with it repeats a token that only we know."""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api import cookies
from api.access import Principal, Role, house_of, needs
from api.problems import Problem, documented
from api.routes.page import Moment
from core.plain_text import storable
from engine import login
from engine.login import Caller, LoginFault, NotLetIn, address_of
from engine.passwords import CHARS_MAX, Hasher
from store import people, sessions
from store.guesses import TooManyGuesses
from store.pool import Row

router = APIRouter(prefix="/api/v1/auth", tags=["access"])
Somebody = Annotated[Principal, Depends(needs(Role.VIEWER))]
PASSWORD = Field(min_length=1, max_length=CHARS_MAX, examples=["four words in a row"])
CODE = Field("", max_length=40, description="Of the authenticator app, or a recovery code.", examples=["123456"])


class Login(BaseModel):
    """Who they say they are, and what shows it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=63, examples=["early"])
    password: Annotated[str, PASSWORD]
    code: str = CODE


class Me(BaseModel):
    """Who is calling."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "early", "role": "approver", "session_id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f31",
                "expires_at": "2026-03-08T10:00:00Z", "second_factor": True, "csrf_token": "q1w2e3",
            }
        }
    )  # fmt: skip
    name: str
    role: str
    session_id: Annotated[UUID | None, Field(description="Null with a key.")] = None
    expires_at: Annotated[Moment | None, Field(description="When the session ends at the latest.")] = None
    second_factor: Annotated[bool, Field(description="The session was opened with a second factor.")] = False
    csrf_token: Annotated[str | None, Field(description="Send it as X-CSRF-Token with every write.")] = None


class Session(BaseModel):
    """An open session."""

    id: UUID
    second_factor: bool
    address: str
    client: str
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment
    is_this: bool


class Sessions(BaseModel):
    """The open sessions of a person, newest first."""

    sessions: list[Session]


class Ended(BaseModel):
    """How many sessions ended."""

    ended: int


@router.post("/login", response_model=Me, responses=documented(400, 401, 403, 422, 429, 503))
async def log_in(request: Request, wanted: Login) -> Response:
    """Open a session. With a second factor a right password alone is answered 401 `code_needed`: send the code too."""
    cookies.check_origin(request)
    house = house_of(request)
    with as_problems():
        person, token, opened = await login.log_in(
            house.store,
            hasher_of(request),
            house.settings,
            name=storable(wanted.name),
            password=wanted.password,
            code=wanted.code,
            caller=caller_of(request),
        )
    me = Me(
        name=person["name"],
        role=person["role"],
        session_id=opened["id"],
        expires_at=opened["expires_at"],
        second_factor=person["has_factor"],
        csrf_token=cookies.csrf_of(token),
    )
    answer = JSONResponse(me.model_dump(mode="json"), headers={"Cache-Control": "no-store"})
    lives_s = int((opened["expires_at"] - opened["created_at"]).total_seconds())
    cookies.give(request, answer, token, lives_s)
    return answer


@router.get("/session", response_model=Me, responses=documented(401, 403))
async def read_session(request: Request, caller: Somebody) -> Response:
    """Who is calling; with a session also its end and the token for writes."""
    me = Me(name=caller.name, role=caller.role)
    token = cookies.token_of(request)
    if caller.session_id is not None and token is not None:
        async with house_of(request).store.begin() as conn:
            row = await sessions.holder(conn, token)
        if row is not None:
            me = Me(
                name=caller.name,
                role=caller.role,
                session_id=caller.session_id,
                expires_at=row["expires_at"],
                second_factor=row["second_factor"],
                csrf_token=cookies.csrf_of(token),
            )
    return JSONResponse(me.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


@router.post("/logout", response_model=Ended, responses=documented(401, 403))
async def log_out(request: Request, caller: Somebody) -> Response:
    """End this session. With a key there is none to end."""
    if caller.session_id is not None:
        async with house_of(request).store.begin() as conn:
            person = await people.get(conn, caller.name)
            await sessions.end(conn, person, caller.session_id, by=caller.actor, why="logout")
    answer = JSONResponse({"ended": int(caller.session_id is not None)})
    cookies.take(request, answer)
    return answer


@router.post("/logout-everywhere", response_model=Ended, responses=documented(401, 403))
async def log_out_everywhere(request: Request, caller: Somebody) -> Response:
    """End every session of the caller, this one too. Keys stay: revoke those one by one."""
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, caller.name)
        ended = await sessions.end_all(conn, person, by=caller.actor, why="logout_everywhere")
    answer = JSONResponse({"ended": ended})
    cookies.take(request, answer)
    return answer


@router.get("/sessions", response_model=Sessions, responses=documented(401, 403))
async def list_sessions(request: Request, caller: Somebody) -> Any:
    """The caller's open sessions."""
    async with house_of(request).store.begin() as conn:
        return {"sessions": [_shown(row, caller) for row in await sessions.live(conn, caller.id)]}


@router.post("/sessions/{session_id}/end", response_model=Sessions, responses=documented(401, 403, 404))
async def end_session(request: Request, caller: Somebody, session_id: UUID) -> Any:
    """End one of the caller's sessions; the answer has those that are left. Doing it twice changes nothing."""
    async with house_of(request).store.begin() as conn:
        await sessions.end(conn, await people.get(conn, caller.name), session_id, by=caller.actor, why="ended")
        return {"sessions": [_shown(row, caller) for row in await sessions.live(conn, caller.id)]}


@contextlib.contextmanager
def as_problems() -> Iterator[None]:
    """What a login is refused for, as answers: 401, 403 or 429."""
    try:
        yield
    except TooManyGuesses as error:
        wait = {"Retry-After": str(error.free_in_s)}
        raise Problem(429, error.detail, headers=wait, reason=error.reason) from None
    except NotLetIn as error:
        status = 403 if error.fault is LoginFault.FACTOR_NEEDED else 401
        raise Problem(status, error.detail, reason=error.fault) from None


def caller_of(request: Request) -> Caller:
    """From where this request comes."""
    host = request.client.host if request.client else None
    return Caller(address_of(host), storable(request.headers.get("user-agent", "")))


def hasher_of(request: Request) -> Hasher:
    """The one hasher of this application, so that its limit counts for all requests."""
    hasher: Hasher = request.app.state.hasher
    return hasher


def _shown(row: Row, caller: Principal) -> dict[str, Any]:
    return {**row, "is_this": row["id"] == caller.session_id}
