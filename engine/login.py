"""Logging in: a name, a password, a code if there is a second factor; slow to guess and never to lock somebody out.

Guesses are counted for an account and for an address. From where a person logged in lately they have a count of their
own, so that strangers who guess cannot keep them out; and every block is over within the minute that it counts.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import structlog

from core.errors import Refused
from engine import second_factor
from engine.passwords import Hasher
from engine.sealing import seal_key
from engine.settings import Settings
from store import guesses, passwords, sessions
from store.guesses import Limit
from store.pool import Connection, Row, Store

ACCOUNT_MAX, ADDRESS_MAX, WINDOW_S = 5, 20, 60.0
# Only whoever has the password gets as far as this, so nobody else can use it up; six digits need it.
CODES_MAX, CODES_WINDOW_S = 10, 3_600.0

log = structlog.get_logger(__name__)


class LoginFault(StrEnum):
    """Why somebody is not let in, as far as they may know."""

    WRONG = "login_failed"
    CODE_NEEDED = "code_needed"
    FACTOR_NEEDED = "second_factor_needed"


SAID = {
    LoginFault.WRONG: "The name, the password or the code is wrong.",
    LoginFault.CODE_NEEDED: "Send the code of your authenticator app, or a recovery code, with it.",
    LoginFault.FACTOR_NEEDED: "A break-glass person logs in with a second factor only: set one up with a key first.",
}


class NotLetIn(Refused):
    """This login is refused."""

    def __init__(self, fault: LoginFault) -> None:
        self.fault = fault
        super().__init__(SAID[fault], fault)


@dataclass(frozen=True, slots=True)
class Caller:
    """From where somebody logs in: an address (of a network, for IPv6) and what the program calls itself."""

    address: str
    client: str


def address_of(host: str | None) -> str:
    """What guesses are counted for: an IPv4 address, or the /64 of an IPv6 one, which one household has whole."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def log_in(
    store: Store, hasher: Hasher, settings: Settings, *, name: str, password: str, code: str, caller: Caller
) -> tuple[Row, str, Row]:
    """The person, the token of their new session, and the session. Raises NotLetIn and TooManyGuesses."""
    person, counted = await check(store, hasher, name=name, password=password, caller=caller)
    if person is None:
        raise NotLetIn(LoginFault.WRONG)
    if not person["has_factor"] and person["role"] == "break-glass":
        raise NotLetIn(LoginFault.FACTOR_NEEDED)
    if person["has_factor"] and not code:
        async with store.begin() as conn:
            await guesses.take_back(conn, counted)
        raise NotLetIn(LoginFault.CODE_NEEDED)
    if person["has_factor"]:
        await use_code(store, settings, person["id"], person["name"], code)
    async with store.begin() as conn:
        # Asked again: who was deactivated, or got another password meanwhile, is not let in.
        again = await passwords.of_name(conn, name)
        if again is None or again["hash"] != person["hash"] or again["has_factor"] != person["has_factor"]:
            raise NotLetIn(LoginFault.WRONG)
        await guesses.take_back(conn, counted)
        token = sessions.new_token()
        opened = await sessions.open_for(
            conn, again, token, second_factor=person["has_factor"], address=caller.address, client=caller.client
        )
    return again, token, opened


async def check(
    store: Store, hasher: Hasher, *, name: str, password: str, caller: Caller
) -> tuple[Row | None, Sequence[UUID]]:
    """The person whose password this is (None: it is wrong), and the guesses to take back once all is right.

    A wrong name costs a hash like a right one. Raises TooManyGuesses.
    """
    async with store.begin() as conn:
        counted = await guesses.count(conn, await _limits(conn, name, caller.address))
        person = await passwords.of_name(conn, name)
    good, renewed = await hasher.matches(password, person["hash"] if person else None)
    if not good or person is None:
        log.warning("login.failed", address=caller.address)
        return None, counted
    if renewed:
        async with store.begin() as conn:
            await passwords.renew(conn, person, renewed)
        person = {**person, "hash": renewed}
    return person, counted


async def use_code(
    store: Store, settings: Settings, person_id: UUID, name: str, code: str, *, confirmed: bool = True
) -> None:
    """Use a code of the second factor. Raises NotLetIn where it is wrong, and TooManyGuesses."""
    counted: Sequence[UUID] = []
    if second_factor.is_six_digits(code):
        async with store.begin() as conn:
            counted = await guesses.count(conn, [Limit(f"code:{person_id}", CODES_MAX, CODES_WINDOW_S)])
    async with store.begin() as conn:
        good = await second_factor.takes(conn, seal_key(settings), person_id, name, code, confirmed=confirmed)
        if good:
            await guesses.take_back(conn, counted)
    if not good:
        raise NotLetIn(LoginFault.WRONG)


async def _limits(conn: Connection, name: str, address: str) -> list[Limit]:
    account = hashlib.sha256(name.encode()).hexdigest()
    known = await sessions.knows_address(conn, name, address)
    subject = f"account:{account}:{address}" if known else f"account:{account}"
    return [Limit(f"address:{address}", ADDRESS_MAX, WINDOW_S), Limit(subject, ACCOUNT_MAX, WINDOW_S)]
