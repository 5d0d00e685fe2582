"""Where log lines come from: the tails of plain files, read in a thread and bounded."""

import asyncio
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.errors import Unavailable
from core.log_line import time_of
from core.site import LogFile

FILE_TAIL_BYTES_MAX = 4 * 1024 * 1024
LINES_MAX = 20_000
FILES_MAX = 100
ENTRY_CHARS_MAX = 4_000
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class LogLines:
    """Lines in order of time; `reason` says why there are none, or what is missing where `cut` is true."""

    lines: tuple[str, ...]
    cut: bool = False
    reason: str = ""


class LogSource(Protocol):
    """Log lines of a service."""

    async def lines(self, service: str, start: datetime, end: datetime) -> LogLines:
        """The lines from `start` up to `end`. Raises Unavailable where the source does not answer."""
        ...


class FileLogs:
    """Log files that the operator named for each service."""

    def __init__(self, files: Sequence[LogFile]) -> None:
        self._files = tuple(files)

    async def lines(self, service: str, start: datetime, end: datetime) -> LogLines:
        """Read the tails; a line without a time belongs to the line before it."""
        patterns = [file.pattern for file in self._files if file.service == service]
        if not patterns:
            return LogLines((), reason=f"no log file is named for {service}; add one under logs")
        return await asyncio.to_thread(_read, patterns, start, end)


Entry = tuple[datetime, str]


def _read(patterns: Sequence[str], start: datetime, end: datetime) -> LogLines:
    paths = sorted({path for pattern in patterns for path in _matching(pattern)})
    if not paths:
        return LogLines((), reason=f"no file matches {', '.join(patterns)}")
    entries: list[Entry] = []
    unread: list[str] = []
    faults = [f"only {FILES_MAX} of {len(paths)} files were read"] if len(paths) > FILES_MAX else []
    share = LINES_MAX // min(len(paths), FILES_MAX)
    for path in paths[:FILES_MAX]:
        try:
            text, whole = _tail(path)
        except OSError as error:
            unread.append(f"{path.name} cannot be read ({error.strerror})")
            continue
        found, complete = _entries(text, start, end, share)
        if len(found) == share and not complete:
            faults.append(f"only the last {share} lines of {path.name} were kept")
        elif not (complete or whole):
            faults.append(f"only the last 4 MiB of {path.name} were read")
        entries += found
    if len(unread) == len(paths):
        raise Unavailable(f"No log could be read: {unread[0]}.")
    entries.sort(key=lambda entry: entry[0])
    faults += unread
    return LogLines(tuple(text for _, text in entries), bool(faults), "; ".join(faults[:3]) or _why_empty(entries))


def _why_empty(entries: Sequence[Entry]) -> str:
    return "" if entries else "no line with a time in that range"


def _matching(pattern: str) -> Iterable[Path]:
    """The files of a pattern, none of them outside of the folder that the pattern begins in."""
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if _WILD.search(part)), len(parts) - 1)
    folder = Path(*parts[:fixed]).resolve() if fixed else Path.cwd()
    for path in folder.glob(str(Path(*parts[fixed:]))):
        real = path.resolve()
        if real.is_relative_to(folder):
            yield real


def _tail(path: Path) -> tuple[str, bool]:
    """The last 4 MiB of a regular file, from a whole line on; whether that was all of it."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return "", True
        skipped = max(status.st_size - FILE_TAIL_BYTES_MAX, 0)
        file.seek(skipped)
        data = file.read(FILE_TAIL_BYTES_MAX)
    if skipped:
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", "replace"), not skipped


def _entries(text: str, start: datetime, end: datetime, entries_max: int) -> tuple[list[Entry], bool]:
    """The entries of a range, oldest first, read from the end; whether a line older than the range was reached.

    A line without a time is appended to the line before it, up to 4,000 characters.
    """
    entries: list[Entry] = []
    untimed: list[str] = []
    for line in reversed(text.split("\n")):
        at = time_of(line)
        if at is None:
            untimed.append(line.rstrip("\r"))
        elif at < start:
            return entries[::-1], True
        else:
            if at < end:
                if len(entries) == entries_max:
                    return entries[::-1], False
                whole = "\n".join((line.rstrip("\r"), *filter(None, reversed(untimed))))
                entries.append((at, whole[:ENTRY_CHARS_MAX]))
            untimed = []
    return entries[::-1], False
