"""Log lines in chunks: stored as they were read, searched newest first, forgotten by age and by size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

LOGS = Queries("logs")
CHUNKS_MAX = 20_000
SEARCHED_BYTES_MAX = 256 * 1024 * 1024
STEP_BYTES = 8 * 1024 * 1024
FORGOTTEN_CHUNKS_MAX = 5_000
LINE_BYTES = 16
"""What a line costs beside its text: time, level, mark."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of one file, in its order. `ats` are unix seconds; a line that `follows` belongs to the one before it."""

    service: str
    environment: str
    file: str
    ats: Sequence[float]
    levels: Sequence[str]
    follows: Sequence[bool]
    texts: Sequence[str]
    bytes: int


@dataclass(frozen=True, slots=True)
class Search:
    """Which lines are asked for. `words` have to be contained, in any case; no service means every service."""

    start: datetime
    end: datetime
    service: str | None = None
    levels: Sequence[str] | None = None
    words: Sequence[str] = ()
    lines_max: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Lines, newest first. Where `reason` says why not all were looked at, lines older than the last may be missing."""

    lines: list[Row]
    reason: str = ""


async def insert(conn: Connection, chunks: Sequence[Chunk]) -> None:
    """Store the lines that some reads brought."""
    async with conn.cursor() as cursor:
        await cursor.executemany(LOGS["insert"], [_row(chunk) for chunk in chunks])


async def search(conn: Connection, wanted: Search) -> Found:
    """The newest lines that fit. Reads chunk by chunk from the newest, and stops where no older one can hold more."""
    range_: Mapping[str, object] = {"service": wanted.service, "start": wanted.start, "end": wanted.end}
    chunks = await many(conn, LOGS["overlapping"], {**range_, "chunks_max": CHUNKS_MAX + 1})
    reason = f"only {CHUNKS_MAX} pieces of the log were looked at" if len(chunks) > CHUNKS_MAX else ""
    given = {**range_, "levels": wanted.levels and list(wanted.levels), "words": _patterns(wanted.words)}
    lines: list[Row] = []
    looked = 0
    for step in _steps(chunks[:CHUNKS_MAX]):
        if len(lines) == wanted.lines_max and lines[-1]["at"].timestamp() > step[0]["last_at"]:
            return Found(lines)
        if looked >= SEARCHED_BYTES_MAX:
            reason = "only the newest 256 MiB of the range were looked at; ask for a shorter one"
            break
        ids = [chunk["id"] for chunk in step]
        looked += sum(chunk["bytes"] for chunk in step)
        lines += await many(conn, LOGS["newest_of"], {**given, "ids": ids, "limit": wanted.lines_max})
        lines.sort(key=lambda row: (row["at"], row["id"], row["n"]), reverse=True)
        del lines[wanted.lines_max :]
    return Found(lines, reason)


async def has_lines(conn: Connection, service: str) -> bool:
    """Is any line of a service kept?"""
    return await maybe(conn, LOGS["has_service"], [service]) is not None


async def forget(conn: Connection, *, retention_s: float, bytes_max: int) -> int:
    """Drop some of what is too old or too much, the oldest first; how many chunks. Ask again until none."""
    limits = {"retention_s": retention_s, "bytes_max": bytes_max, "chunks_max": FORGOTTEN_CHUNKS_MAX}
    old = (await conn.execute(LOGS["forget_old"], limits)).rowcount
    return old + (await conn.execute(LOGS["forget_over"], limits)).rowcount


def _row(chunk: Chunk) -> dict[str, object]:
    return {
        "service": chunk.service,
        "environment": chunk.environment,
        "file": chunk.file,
        "first_at": min(chunk.ats),
        "last_at": max(chunk.ats),
        "lines": len(chunk.ats),
        "bytes": chunk.bytes + LINE_BYTES * len(chunk.ats),
        "ats": list(chunk.ats),
        "levels": list(chunk.levels),
        "follows": list(chunk.follows),
        "texts": list(chunk.texts),
    }


def _steps(chunks: Sequence[Row]) -> list[list[Row]]:
    """The chunks in groups of bounded size, so that neither side holds much at once."""
    steps: list[list[Row]] = []
    size = STEP_BYTES
    for chunk in chunks:
        if size >= STEP_BYTES:
            steps.append([])
            size = 0
        steps[-1].append(chunk)
        size += chunk["bytes"]
    return steps


def _patterns(words: Sequence[str]) -> list[str]:
    escaped = (word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in words)
    return [f"%{word}%" for word in escaped]
