"""Sources with what they were set up with; their names and keys are in `people`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from core.errors import NotFound
from store import audit
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

SOURCES = Queries("sources")


async def by_name(conn: Connection, name: str) -> Row | None:
    """Id, kind, name and settings of a source that is not disabled."""
    return await maybe(conn, SOURCES["by_name"], [name])


async def set_repeat(conn: Connection, source: Row, repeat_interval_s: float | None, *, by: str) -> dict[str, Any]:
    """Keep how often a source repeats what fires (None: nobody knows); the setting as it is now."""
    rest = {name: value for name, value in source["settings"].items() if name != "repeat_interval_s"}
    now = {} if repeat_interval_s is None else {"repeat_interval_s": repeat_interval_s}
    await configure(conn, source["id"], rest | now)
    await audit.write(conn, actor=by, action="source.repeat_interval", subject=f"source:{source['name']}", detail=now)
    return {"repeat_interval_s": repeat_interval_s}


async def configure(conn: Connection, source_id: UUID, settings: Mapping[str, Any]) -> None:
    """Keep the settings of a source."""
    await conn.execute(SOURCES["configure"], [Jsonb(dict(settings)), source_id])


async def get(conn: Connection, name: str) -> Row:
    """One source, disabled or not, locked. Raises NotFound."""
    row = await maybe(conn, SOURCES["get"], [name])
    if row is None:
        raise NotFound(f"There is no source {name!r}. List them with: nightshift sources")
    return row


async def keys(conn: Connection, source_id: UUID) -> list[Row]:
    """The keys that open anything, newest first: their last characters, and when each begins and ends."""
    return await many(conn, SOURCES["keys"], [source_id])


async def change(conn: Connection, source: Row, settings: Mapping[str, Any], *, by: str) -> None:
    """Set it up anew. The audit has the names of what changed, never a value: one may be a secret."""
    before = source["settings"]
    changed = sorted(name for name in before.keys() | settings.keys() if before.get(name) != settings.get(name))
    if changed:
        await configure(conn, source["id"], settings)
        await _audit(conn, "change", source, by, detail={"changed": changed})


async def end_keys(conn: Connection, source: Row, *, overlap_s: float, by: str) -> None:
    """Let the keys that there are end after a while."""
    await conn.execute(SOURCES["end_keys"], {"id": source["id"], "overlap_s": overlap_s})
    await _audit(conn, "rotate", source, by, detail={"overlap_s": overlap_s})


async def set_disabled(conn: Connection, source: Row, disabled: bool, *, by: str) -> None:
    """Take nothing of it any more, or take it again. Doing it twice changes nothing."""
    verb = "disable" if disabled else "enable"
    if await maybe(conn, SOURCES[verb], [source["id"]]):
        await _audit(conn, verb, source, by, detail={})


async def _audit(conn: Connection, verb: str, source: Row, by: str, *, detail: Mapping[str, Any]) -> None:
    subject = f"source:{source['name']}"
    await audit.write(conn, actor=by, action=f"source.{verb}", subject=subject, detail=detail)
