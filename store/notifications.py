"""The outbox: a row for everything people are told; sent at least once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store import jobs
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

NOTIFICATIONS = Queries("notifications")


async def queue(
    conn: Connection, *, incident_id: UUID | None, kind: str, channel: str, dedup_key: str, body: Mapping[str, Any]
) -> bool:
    """Put a message into the outbox and defer its sending; False where the same was queued before."""
    params = [new_id(), incident_id, kind, channel, dedup_key, Jsonb(dict(body))]
    row = await maybe(conn, NOTIFICATIONS["queue"], params)
    if row:
        await jobs.defer(conn, "send_notification", lock=f"channel:{channel}", notification_id=str(row["id"]))
    return row is not None


async def take(conn: Connection, notification_id: UUID) -> Row | None:
    """A pending message, with one more attempt counted."""
    return await maybe(conn, NOTIFICATIONS["take"], [notification_id])


async def next_waiting(conn: Connection, after: UUID) -> UUID | None:
    """The message that should go over the same channel next; those that wait to be tried again are not among them."""
    row = await maybe(conn, NOTIFICATIONS["next_waiting"], [after])
    return row["id"] if row else None


async def settle(conn: Connection, notification_id: UUID, state: str, error: str = "") -> None:
    """Mark as sent, failed, or (with the error) still pending."""
    await conn.execute(NOTIFICATIONS["settle"], [state, error, state, notification_id])


async def of_incident(conn: Connection, incident_id: UUID) -> list[Row]:
    """What was told about an incident."""
    return await many(conn, NOTIFICATIONS["of_incident"], [incident_id])


async def counts(conn: Connection) -> Row:
    """How many wait, and since when the oldest does."""
    return await one(conn, NOTIFICATIONS["counts"])
