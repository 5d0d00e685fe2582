"""Change events: deployments, rollbacks, restarts, configuration; the inventory of releases is read from them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from store.ids import new_id
from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

CHANGES = Queries("changes")


async def insert(conn: Connection, values: Mapping[str, Any]) -> bool:
    """Keep a change once (by source and the sender's id); False where it was known."""
    return await maybe(conn, CHANGES["insert"], {"id": new_id(), **values}) is not None


async def between(
    conn: Connection, environment: str, services: Sequence[str], start: datetime, end: datetime
) -> list[Row]:
    """The changes of some services in a range of time, newest first."""
    return await many(conn, CHANGES["between"], [environment, list(services), start, end])


async def current_release(conn: Connection, environment: str, service: str) -> Row | None:
    """The newest deploy or rollback of a service: its version and the one before it."""
    return await maybe(conn, CHANGES["current_release"], [environment, service])
