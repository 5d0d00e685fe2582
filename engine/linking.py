"""A chat account becomes a person: they ask here for a code, and type it there within ten minutes."""

from core.errors import Refused
from engine.second_factor import plain_code
from store import audit, guesses, identities, one_time_codes
from store.guesses import Limit
from store.identities import Account
from store.one_time_codes import Purpose
from store.pool import Row, Store

TRIES_MAX, TRIES_WINDOW_S = 5, 600.0


async def redeem(store: Store, account: Account, code: str) -> Row:
    """Link the account that typed this code to the person who asked for it: `id`, `name`, `role`.

    Raises Refused where the code is no good, TooManyGuesses, and IllegalTransition where the account is somebody else.
    """
    async with store.begin() as conn:
        counted = await guesses.count(conn, [Limit(f"link:{account}", TRIES_MAX, TRIES_WINDOW_S)])
    async with store.begin() as conn:
        person = await one_time_codes.take(conn, Purpose.LINK, plain_code(code))
        if person is None:
            raise Refused("This code is no good (any more): ask for a new one.", "code_no_good")
        await identities.link(conn, person, account)
        await guesses.take_back(conn, counted)
    return person


async def spoil(store: Store, account: Account, code: str) -> None:
    """A code that others have read, where this account typed it: whoever is quickest must not become that person."""
    async with store.begin() as conn:
        person = await one_time_codes.take(conn, Purpose.LINK, plain_code(code))
        if person is not None:
            subject = f"person:{person['name']}"
            await audit.write(conn, actor=f"chat:{account}", action="code.link.spoiled", subject=subject)
