"""What log rules count: added when lines are stored, read as the sum of a window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from core.log_rule import LogRule, Tally
from store.pool import Connection, one
from store.sql_files import Queries

COUNTS = Queries("log_counts")


@dataclass(frozen=True, slots=True)
class Counted:
    """The count of a window. `covered_s`: for how long it has been counted; `unread_s`: since when nothing is known."""

    lines: int
    example: str
    covered_s: float
    unread_s: float | None


async def begin(conn: Connection, tallies: Sequence[str]) -> None:
    """Count these from now on, and no others."""
    await conn.execute(COUNTS["begin"], [list(tallies)])
    await conn.execute(COUNTS["end"], [list(tallies)])


async def add(conn: Connection, tallies: Mapping[str, Tally]) -> None:
    """Count lines, in the transaction that stores them."""
    rows = [{"tally": key, "lines": t.lines, "example": t.example} for key, t in tallies.items() if t.lines]
    if rows:
        await conn.execute(COUNTS["add"], [Jsonb(rows)])


async def read(conn: Connection, rule: LogRule) -> Counted:
    """What a rule's window holds."""
    given = {"tally": rule.tally, "service": rule.service, "window_s": rule.window_s}
    row = await one(conn, COUNTS["read"], given)
    return Counted(row["lines"], row["example"], row["covered_s"] or 0.0, row["unread_s"])


async def forget(conn: Connection, *, older_than_s: float) -> None:
    """Drop what no window reaches any more."""
    await conn.execute(COUNTS["forget"], [older_than_s])
