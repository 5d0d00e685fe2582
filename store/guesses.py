"""Guesses: how often a password or code may be tried. Each is counted before it is judged, and taken back if right."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.errors import Refused
from store.ids import new_id
from store.pool import Connection, one
from store.sql_files import Queries

GUESSES = Queries("guesses")


class TooManyGuesses(Refused):
    """There were too many tries; wait a moment and try again."""

    def __init__(self, free_in_s: float) -> None:
        self.free_in_s = max(int(free_in_s) + 1, 1)
        super().__init__(f"Too many tries: try again in {self.free_in_s} s.", "too_many_tries")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `guesses_max` wrong guesses about a subject within `window_s`."""

    subject: str
    guesses_max: int
    window_s: float


async def count(conn: Connection, limits: Sequence[Limit]) -> list[UUID]:
    """Count a guess against each limit, in this order everywhere. Raises TooManyGuesses, and then counts none.

    The caller's transaction must end before the guess is judged, so that parallel ones are all counted.
    """
    counted = []
    for limit in limits:
        await conn.execute(GUESSES["alone"], [limit.subject])
        row = await one(conn, GUESSES["lately"], {"subject": limit.subject, "window_s": limit.window_s})
        if row["guesses"] >= limit.guesses_max:
            raise TooManyGuesses(row["free_in_s"])
        counted.append(new_id())
        await conn.execute(GUESSES["add"], [counted[-1], limit.subject])
    await conn.execute(GUESSES["forget"])
    return counted


async def take_back(conn: Connection, counted: Sequence[UUID]) -> None:
    """The guess was right: it counts against nobody."""
    await conn.execute(GUESSES["take_back"], [list(counted)])
