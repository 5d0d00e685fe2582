"""Heartbeats as they beat, and the reception: since when senders could reach us at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from core.errors import NotFound
from core.heartbeat import GAPS_LOOKED_AT_MAX
from store import audit
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

HEARTBEATS = Queries("heartbeats")
HEARTBEATS_MAX = 1_000
SAME_BEAT_S = 10.0
# Serving processes say every HEAR_EVERY_S that they listen; a longer break than DEAF_S means that beats may be lost.
HEAR_EVERY_S = 5.0
DEAF_S = 15.0


async def record(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Count beats (identity, id, rule_id, source, labels), no identity twice; those for which there was room."""
    params = {
        "rows": Jsonb(list(rows)),
        "heartbeats_max": HEARTBEATS_MAX,
        "same_beat_s": SAME_BEAT_S,
        "beats_max": GAPS_LOOKED_AT_MAX + 1,
    }
    return {row["identity"] for row in await many(conn, HEARTBEATS["record"], params)}


async def every(conn: Connection) -> list[Row]:
    """All heartbeats; a retired one has `retired_at` until it is forgotten."""
    return await many(conn, HEARTBEATS["every"])


async def retire(conn: Connection, heartbeat_id: UUID, *, by: str) -> Row:
    """Stop waiting for one. Raises NotFound."""
    row = await maybe(conn, HEARTBEATS["retire"], [heartbeat_id])
    if row is None:
        raise NotFound(f"There is no heartbeat {heartbeat_id}. List them with: nightshift heartbeats")
    await audit.write(conn, actor=by, action="heartbeat.retire", subject=f"heartbeat:{row['identity']}")
    return row


async def mark_absent(conn: Connection, identities: Sequence[str], moment: datetime) -> set[str]:
    """Write down that these are absent since `moment`, if they have not beaten since it; those that are."""
    rows = await many(conn, HEARTBEATS["mark_absent"], [moment, list(identities), moment])
    return {row["identity"] for row in rows}


async def mark_back(conn: Connection, identities: Sequence[str]) -> None:
    """Write down that the absence of these is over."""
    await conn.execute(HEARTBEATS["mark_back"], [list(identities)])


async def forget(conn: Connection, identities: Sequence[str], moment: datetime) -> None:
    """Remove those that have not beaten since `moment`."""
    await conn.execute(HEARTBEATS["forget"], [list(identities), moment])


async def hear(conn: Connection) -> None:
    """Say that this process takes alerts now."""
    await conn.execute(HEARTBEATS["hear"], [DEAF_S])


async def heard_since(conn: Connection) -> datetime | None:
    """Since when senders can reach at least one process without a longer break; None while nobody listens."""
    since: datetime | None = (await one(conn, HEARTBEATS["heard_since"], [DEAF_S]))["since"]
    return since
