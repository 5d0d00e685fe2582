"""Log lines of watched folders, out of the log store."""

from collections.abc import Sequence
from datetime import datetime

from core.site import Site
from store.logs import Search, has_lines, search
from store.pool import Row, Store
from tools.read.logs import ENTRY_CHARS_MAX, LINES_MAX, FileLogs, LogLines, LogSource


class StoredLogs:
    """What was read from watched folders; any machine that reaches the database can ask."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def lines(self, service: str, start: datetime, end: datetime) -> LogLines:
        """The newest lines of a range in order of time; a line without a time belongs to the line before it."""
        async with self._store.begin() as conn:
            found = await search(conn, Search(start, end, service, lines_max=LINES_MAX))
            if not found.lines and not await has_lines(conn, service):
                return LogLines((), reason=f"no line of {service} was read from its watched folders yet")
        reason = found.reason
        if len(found.lines) == LINES_MAX:
            reason = f"only the last {LINES_MAX} lines were kept"
        entries = _entries(found.lines[::-1])
        return LogLines(entries, bool(reason), reason or ("" if entries else "no line with a time in that range"))


class LogsByService:
    """Watched services out of the store, the others from the ends of their files."""

    def __init__(self, site: Site, store: Store) -> None:
        self._watched = frozenset(log.service for log in site.logs if log.folder)
        self._stored: LogSource = StoredLogs(store)
        self._files: LogSource = FileLogs([log for log in site.logs if log.pattern])

    async def lines(self, service: str, start: datetime, end: datetime) -> LogLines:
        """Ask whichever knows the service."""
        return await (self._stored if service in self._watched else self._files).lines(service, start, end)


def _entries(rows: Sequence[Row]) -> tuple[str, ...]:
    """Lines with what belongs to them, up to 4,000 characters; lines of other files may stand in between."""
    entries: list[list[str]] = []
    newest: dict[str, list[str]] = {}
    for row in rows:
        if row["follows"] and row["file"] in newest:
            newest[row["file"]].append(row["text"])
        else:
            newest[row["file"]] = [row["text"]]
            entries.append(newest[row["file"]])
    return tuple("\n".join(parts)[:ENTRY_CHARS_MAX] for parts in entries)
