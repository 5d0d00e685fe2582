"""Flapping alerts: which identities come and go too often now, and when the firing ones of an incident changed."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

FLAPS = Queries("flaps")
EPISODES_MAX = 100  # of each identity, the newest


async def changes(conn: Connection, incident_id: UUID, window_s: float, *, rows_max: int) -> list[Row]:
    """Of each firing alert of an incident: identity, name, `flaps` (known to), and the times of its changes."""
    params = {"incident": incident_id, "window": window_s, "episodes": EPISODES_MAX, "rows": rows_max}
    return await many(conn, FLAPS["changes"], params)


async def changes_of(conn: Connection, identity: str, window_s: float) -> Row:
    """The `times` at which one alert changed."""
    return await one(conn, FLAPS["changes_of"], {"identity": identity, "window": window_s, "episodes": EPISODES_MAX})


async def get(conn: Connection, identity: str) -> Row | None:
    """One that flaps."""
    return await maybe(conn, FLAPS["get"], [identity])


async def keep(conn: Connection, incident_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """These (identity, name) flap, and this is their newest incident."""
    await conn.execute(FLAPS["keep"], [incident_id, Jsonb(list(rows))])


async def settle(conn: Connection, identity: str) -> None:
    """It flaps no more."""
    await conn.execute(FLAPS["settle"], [identity])


async def of_incident(conn: Connection, incident_id: UUID) -> list[Row]:
    """What flaps in an incident."""
    return await many(conn, FLAPS["of_incident"], [incident_id])


async def only(conn: Connection, incident_id: UUID) -> bool:
    """Does something of this incident fire, and nothing but what flaps?"""
    return bool((await one(conn, FLAPS["only"], [incident_id, incident_id]))["only_flaps"])
