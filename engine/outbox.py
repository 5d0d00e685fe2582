"""One message over every channel, queued once for each key."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from core.site import Channel
from store import notifications
from store.pool import Connection


async def tell(
    conn: Connection, channels: Iterable[Channel], incident_id: UUID, kind: str, body: Mapping[str, Any], *, key: str
) -> None:
    """Put the same message into the outbox for each channel."""
    for channel in channels:
        await notifications.queue(
            conn, incident_id=incident_id, kind=kind, channel=channel.id, dedup_key=f"{key}:{channel.id}", body=body
        )
