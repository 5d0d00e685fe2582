"""Up to where each watched file was read, and how the watches are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from core.errors import Contended
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

POSITIONS = Queries("log_positions")


@dataclass(frozen=True, slots=True)
class Position:
    """A file by its identity (device and inode) in a watch, and the `place` (bytes) up to which it was read.

    `fingerprint` names the bytes before the place. `last_at` is the time of its last line that had one. `version` is 0
    for a file that nobody read yet.
    """

    watch: str
    file: str
    path: str
    place: int = 0
    fingerprint: bytes = b""
    in_cut: bool = False
    last_at: float | None = None
    version: int = 0


async def of_watch(conn: Connection, watch: str) -> dict[str, Position]:
    """The positions of a watch, by file."""
    return {row["file"]: Position(watch, **row) for row in await many(conn, POSITIONS["of_watch"], [watch])}


async def move(conn: Connection, positions: Sequence[Position]) -> None:
    """Move on; `version` is still the one that was known before. Raises Contended where another reader was faster."""
    rows = [
        {
            "watch": p.watch, "file": p.file, "path": p.path, "place": p.place, "fingerprint": p.fingerprint.hex(),
            "in_cut": p.in_cut, "last_at": p.last_at, "known": p.version,
        }
        for p in positions
    ]  # fmt: skip
    if len(await many(conn, POSITIONS["move"], [Jsonb(rows)])) != len(rows):
        raise Contended("Another process reads these log files too; what it stored is not stored again.")


async def watched(
    conn: Connection, watch: str, service: str, *, is_read: bool, files: int, faults: Sequence[str]
) -> datetime | None:
    """Tell how a watch is; since when all of it is read. `is_read`: there was nothing left to read."""
    given = {"watch": watch, "service": service, "is_read": is_read, "files": files, "faults": list(faults)}
    began_at: datetime | None = (await one(conn, POSITIONS["watched"], given))["began_at"]
    return began_at


async def has_begun(conn: Connection, watch: str) -> bool:
    """Has all that lay in the folder at the beginning been read?"""
    row = await maybe(conn, POSITIONS["began"], [watch])
    return row is not None and row["began_at"] is not None


async def watches(conn: Connection) -> list[Row]:
    """All watches, as people look at them."""
    return await many(conn, POSITIONS["watches"])


async def end_watches(conn: Connection, named: Sequence[str]) -> None:
    """Forget the watches that the site does not name any more."""
    await conn.execute(POSITIONS["end_watches"], [list(named)])


async def touch(conn: Connection, watch: str, files: Sequence[str]) -> None:
    """These files still exist."""
    await conn.execute(POSITIONS["touch"], [watch, list(files)])


async def forget(conn: Connection, *, gone_s: float) -> None:
    """Drop the places of files that nobody saw for so long."""
    await conn.execute(POSITIONS["forget"], [gone_s])
