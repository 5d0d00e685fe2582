"""What people show who they are with: their password, second factor and keys; and how an admin helps them back in."""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api import cookies
from api.access import Principal, house_of, once
from api.problems import Problem, documented
from api.routes.auth import CODE, PASSWORD, Ended, Somebody, as_problems, caller_of, hasher_of
from api.routes.page import Moment
from api.routes.people import Admin, make_key
from api.routes.people_forms import Keys, MadeKey, NewKey, Person, PersonName
from core.errors import IllegalTransition
from core.plain_text import storable
from engine import login, second_factor
from engine.passwords import CHARS_MAX, check_password
from engine.sealing import seal, seal_key
from store import guesses, keys, one_time_codes, passwords, people, second_factors, sessions
from store.guesses import Limit
from store.one_time_codes import Purpose

router = APIRouter(prefix="/api/v1", tags=["access"])
ENROL_CODE = Field(pattern=r"^nse_[A-Za-z0-9_-]{43}$", description="The one-time token that an admin handed over.")
NEW_PASSWORD = Field(max_length=CHARS_MAX, examples=["four words in a row"])
NO_STORE = {"Cache-Control": "no-store"}


class PasswordChange(BaseModel):
    """A new password; the present one, where there is one."""

    model_config = ConfigDict(extra="forbid")

    current: Annotated[str | None, PASSWORD] = None
    new: Annotated[str, NEW_PASSWORD]


class Enrolment(BaseModel):
    """A one-time token, and the password that its holder chooses."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, ENROL_CODE]
    password: Annotated[str, NEW_PASSWORD]


class Enrolled(BaseModel):
    """Who can log in now."""

    name: str


class PasswordOnly(BaseModel):
    """The caller's password, so that a stolen session cannot do this."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, PASSWORD]


class PasswordAndCode(PasswordOnly):
    """The caller's password and a code of their second factor."""

    code: str = CODE


class Code(BaseModel):
    """The code that the authenticator app shows now."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(pattern=r"^ *\d{3} *\d{3} *$", examples=["123456"])


class NewFactor(BaseModel):
    """What an authenticator app needs; shown once, and of no effect until a code of it is confirmed."""

    secret: str
    uri: str = Field(description="The same for a QR code.")


class RecoveryCodes(BaseModel):
    """Each opens once in place of a code of the app; shown only now."""

    recovery_codes: list[str]


class OneTimeToken(BaseModel):
    """With it a password is set, once, until it is over; shown only now."""

    name: str
    token: str | None = Field(None, description="Null where the request was repeated.")
    expires_at: Moment


@router.post("/auth/password", response_model=Ended, responses=documented(400, 401, 403, 409, 422, 429, 503))
async def change_password(request: Request, caller: Somebody, wanted: PasswordChange) -> Any:
    """Set or change the caller's password. Every other session of theirs ends; keys stay.

    Who has no password yet needs none to set one: so the first admin's key, or any person's, sets the first.
    """
    check_password(wanted.new, caller.name)
    store = house_of(request).store
    counted: Any = ()
    async with store.begin() as conn:
        has_one = (await people.credentials(conn, caller.id))["password_set_at"] is not None
    if has_one:
        if wanted.current is None:
            raise IllegalTransition("There is a password already: say it in `current`.", "has_password")
        counted = await _check(request, caller, wanted.current)
    hashed = await hasher_of(request).hash(wanted.new)
    async with store.begin() as conn:
        person = await people.working(conn, caller.name)
        if has_one:
            await passwords.put(conn, person, hashed, by=caller.actor, why="changed")
        else:
            await passwords.put_first(conn, person, hashed, by=caller.actor)
        await guesses.take_back(conn, counted)
        ended = await sessions.end_all(conn, person, by=caller.actor, why="password", but=caller.session_id)
    return {"ended": ended}


@router.post("/auth/enrol", response_model=Enrolled, responses=documented(400, 401, 403, 422, 429, 503))
async def enrol(request: Request, wanted: Enrolment) -> Any:
    """Set a password with a one-time token. Every session of that person ends; their second factor stays."""
    cookies.check_origin(request)
    store, address = house_of(request).store, caller_of(request).address
    with as_problems():
        async with store.begin() as conn:
            counted = await guesses.count(conn, [Limit(f"address:{address}", login.ADDRESS_MAX, login.WINDOW_S)])
    async with store.begin() as conn:
        holder = await one_time_codes.holder(conn, Purpose.ENROL, wanted.token)
    if holder is None:
        raise _no_good()
    check_password(wanted.password, holder["name"])
    hashed = await hasher_of(request).hash(wanted.password)
    async with store.begin() as conn:
        person = await one_time_codes.take(conn, Purpose.ENROL, wanted.token)
        if person is None:
            raise _no_good()
        actor = f"person:{person['name']}"
        await passwords.put(conn, person, hashed, by=actor, why="enrolled")
        await sessions.end_all(conn, person, by=actor, why="password")
        await guesses.take_back(conn, counted)
    return {"name": person["name"]}


@router.post(
    "/auth/totp", status_code=201, response_model=NewFactor, responses=documented(400, 401, 403, 409, 422, 429, 503)
)
async def begin_second_factor(request: Request, caller: Somebody, wanted: PasswordOnly) -> Response:
    """A secret for an authenticator app. It counts once a code of it is confirmed, within a quarter of an hour."""
    house = house_of(request)
    counted = await _check(request, caller, wanted.password)
    secret = second_factor.new_secret()
    sealed = seal(seal_key(house.settings), secret, second_factor.place_of(caller.id))
    async with house.store.begin() as conn:
        await guesses.take_back(conn, counted)
        await second_factors.begin(conn, caller.id, sealed)
    return JSONResponse({"secret": secret, "uri": second_factor.uri_of(secret, caller.name)}, 201, NO_STORE)


@router.post("/auth/totp/confirm", response_model=RecoveryCodes, responses=documented(400, 401, 403, 409, 422, 429))
async def confirm_second_factor(request: Request, caller: Somebody, wanted: Code) -> Response:
    """From now on a login needs a code. The answer has the recovery codes, and nothing else ever has them again."""
    house = house_of(request)
    async with house.store.begin() as conn:
        factor = await second_factors.get(conn, caller.id)
    if factor is None or factor["confirmed_at"] is not None:
        raise IllegalTransition("There is nothing to confirm: begin at /api/v1/auth/totp.", "not_begun")
    with _judged("The code is wrong, or was begun too long ago: look at the clock of the phone, or begin again."):
        await login.use_code(house.store, house.settings, caller.id, caller.name, wanted.code, confirmed=False)
    codes = second_factor.new_recovery_codes()
    async with house.store.begin() as conn:
        await second_factors.confirm(conn, caller.id, caller.name, [second_factor.plain_code(code) for code in codes])
    return JSONResponse({"recovery_codes": codes}, headers=NO_STORE)


@router.post("/auth/totp/remove", response_model=Enrolled, responses=documented(400, 401, 403, 409, 422, 429))
async def remove_second_factor(request: Request, caller: Somebody, wanted: PasswordAndCode) -> Any:
    """Log in without a code again."""
    house = house_of(request)
    async with house.store.begin() as conn:
        factor = await second_factors.get(conn, caller.id)
    if factor is None:
        raise IllegalTransition("There is no second factor.", "not_begun")
    counted = await _check(request, caller, wanted.password)
    if factor["confirmed_at"] is not None:
        with _judged("The code is wrong."):
            await login.use_code(house.store, house.settings, caller.id, caller.name, wanted.code)
    async with house.store.begin() as conn:
        await guesses.take_back(conn, counted)
        await second_factors.remove(conn, caller.id, caller.name, by=caller.actor)
    return {"name": caller.name}


@router.get("/auth/keys", response_model=Keys, responses=documented(401, 403))
async def list_own_keys(request: Request, caller: Somebody) -> Any:
    """The caller's keys that open anything: their last characters."""
    async with house_of(request).store.begin() as conn:
        return {"keys": await keys.in_use(conn, caller.id)}


@router.post("/auth/keys", status_code=201, response_model=MadeKey, responses=documented(400, 401, 403, 409, 422))
async def add_own_key(request: Request, caller: Somebody, wanted: NewKey) -> Response:
    """A key of the caller, who must have logged in: a key that got lost cannot make another one."""
    if caller.session_id is None:
        raise Problem(403, "Only who logged in makes keys of their own; or ask an admin.", reason="session_needed")
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            return 201, await make_key(conn, await people.get(conn, caller.name, lock=True), wanted, caller)

        return await once(request, caller, conn, work, secret=("key",))


@router.post("/auth/keys/{key_id}/revoke", response_model=Keys, responses=documented(401, 403, 404))
async def revoke_own_key(request: Request, caller: Somebody, key_id: UUID) -> Any:
    """End one of the caller's keys at once; the answer has those that are left."""
    async with house_of(request).store.begin() as conn:
        await keys.revoke(conn, await people.get(conn, caller.name), key_id, by=caller.actor)
        return {"keys": await keys.in_use(conn, caller.id)}


@router.post(
    "/people/{name}/enrolment", status_code=201, response_model=OneTimeToken, responses=documented(401, 403, 404, 409)
)
async def make_enrolment(request: Request, caller: Admin, name: PersonName) -> Response:
    """A one-time token with which this person sets a password within a day; an older one is no good any more."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            person = await people.get(conn, storable(name), lock=True)
            if person["disabled_at"] is not None:
                raise IllegalTransition(f"{person['name']} is deactivated: activate them first.", "deactivated")
            token = one_time_codes.new_code(Purpose.ENROL)
            expires_at = await one_time_codes.add(conn, person, Purpose.ENROL, token, by=caller.actor)
            told = OneTimeToken(name=person["name"], token=token, expires_at=expires_at)
            return 201, told.model_dump(mode="json")

        return await once(request, caller, conn, work, secret=("token",))


@router.post("/people/{name}/end-sessions", response_model=Ended, responses=documented(401, 403, 404))
async def end_sessions(request: Request, caller: Admin, name: PersonName) -> Any:
    """Log a person out everywhere."""
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, storable(name))
        return {"ended": await sessions.end_all(conn, person, by=caller.actor, why="by_admin")}


@router.post("/people/{name}/reset-second-factor", response_model=Person, responses=documented(401, 403, 404))
async def reset_second_factor(request: Request, caller: Admin, name: PersonName) -> Any:
    """Let somebody who lost phone and recovery codes log in with the password alone, and set it up anew."""
    async with house_of(request).store.begin() as conn:
        person = await people.get(conn, storable(name))
        await second_factors.remove(conn, person["id"], person["name"], by=caller.actor)
        return person


async def _check(request: Request, caller: Principal, password: str) -> Any:
    """The caller's own password, as guarded as a login; the guesses to take back once all is right."""
    store = house_of(request).store
    with _judged("The present password is wrong, or there is none: set one first."):
        person, counted = await login.check(
            store, hasher_of(request), name=caller.name, password=password, caller=caller_of(request)
        )
        if person is None:
            raise login.NotLetIn(login.LoginFault.WRONG)
    return counted


@contextlib.contextmanager
def _judged(said: str) -> Iterator[None]:
    """A wrong password or code of somebody who is let in already is 422, never 401: their key or session is good."""
    try:
        with as_problems():
            yield
    except Problem as problem:
        if problem.status != 401:
            raise
        raise Problem(422, said, reason="wrong") from None


def _no_good() -> Problem:
    return Problem(401, "This token is no good (any more): ask an admin for a new one.", reason="token_no_good")
