"""The outbox: a row for everything people are told; sent at least once."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store import jobs
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

NOTIFICATIONS = Queries("notifications")
STUBBORN_ATTEMPTS = 3
"""What failed more often than this waits behind everything else."""


async def queue(
    conn: Connection, *, incident_id: UUID | None, kind: str, channel: str, dedup_key: str, body: Mapping[str, Any]
) -> bool:
    """Put a message into the outbox and defer its sending; False where the same was queued before."""
    params = [new_id(), incident_id, kind, channel, dedup_key, Jsonb(dict(body))]
    row = await maybe(conn, NOTIFICATIONS["queue"], params)
    if row:
        await jobs.defer(conn, "send_notification", lock=f"channel:{channel}", notification_id=str(row["id"]))
    return row is not None


async def want(
    conn: Connection,
    *,
    incident_id: UUID | None,
    kind: str,
    channel: str,
    dedup_key: str,
    body: Mapping[str, Any],
    subject: str,
) -> None:
    """Have a message of a chat sent, or once more looked at what its `subject` shows; then `wake` whoever speaks.

    One row stands for one message; wanted again while it waits, it is sent once.
    """
    params = {
        "id": new_id(), "incident": incident_id, "kind": kind, "channel": channel, "key": dedup_key,
        "body": Jsonb(dict(body)), "subject": subject,
    }  # fmt: skip
    await conn.execute(NOTIFICATIONS["want"], params)


async def wake(conn: Connection, channel: str) -> None:
    """Have what waits for a chat said. Each unit of work that wants something calls it: whether a job that waits
    already will see what is not committed yet, nobody knows."""
    await jobs.defer(conn, "speak", lock=f"speak:{channel}", channel=channel)


async def next_to_say(conn: Connection, channel: str) -> Row | None:
    """What a chat has to hear next; None where nothing waits, or only what is tried again later."""
    return await maybe(conn, NOTIFICATIONS["next_to_say"], {"channel": channel, "stubborn": STUBBORN_ATTEMPTS})


async def next_in_s(conn: Connection, channel: str) -> float | None:
    """Seconds until a chat has to hear something; None where nothing waits."""
    row = await one(conn, NOTIFICATIONS["next_in_s"], [channel])
    return None if row["seconds"] is None else max(float(row["seconds"]), 0.0)


async def said(conn: Connection, row: Row) -> None:
    """A message of a chat was sent as `row` wanted it."""
    await conn.execute(NOTIFICATIONS["said"], {"id": row["id"], "wanted": row["wanted"]})


async def unsaid(conn: Connection, row: Row, error: str, *, pause_s: float, attempts_max: int) -> None:
    """A message of a chat could not be sent: it is tried again, up to `attempts_max` times."""
    params = {"id": row["id"], "error": error, "pause": pause_s, "attempts_max": attempts_max}
    await conn.execute(NOTIFICATIONS["unsaid"], params)


async def chats_with_news(conn: Connection, channels: Sequence[str]) -> list[str]:
    """Of these chats those for which something waits that nobody is about to send."""
    return [row["channel"] for row in await many(conn, NOTIFICATIONS["chats_with_news"], [list(channels)])]


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


async def by_channel(conn: Connection) -> dict[str, Row]:
    """For each channel that anything was told over: pending, failed, last_error, last_sent_at."""
    rows = await many(conn, NOTIFICATIONS["by_channel"])
    return {row.pop("channel"): row for row in rows}


async def counts(conn: Connection) -> Row:
    """How many wait, and since when the oldest does."""
    return await one(conn, NOTIFICATIONS["counts"])
