"""One message over every channel, queued once for each key; in a chat it becomes a message that is edited later."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from core.site import Channel
from store import notifications
from store.pool import Connection


async def tell(
    conn: Connection,
    channels: Iterable[Channel],
    incident_id: UUID | None,
    kind: str,
    body: Mapping[str, Any],
    *,
    key: str,
    subject: str = "",
    more: Mapping[str, Any] | None = None,
) -> None:
    """Put the same message into the outbox for each channel.

    In chats the message shows its `subject` as that stands when it is sent (see `engine.showing`), or, without one,
    the news of its `body` with `more`, which need an incident.
    """
    for channel in channels:
        if channel.is_chat:
            about = subject or f"news:{key}"
            await want(conn, channel, about, incident_id, kind, {**body, **(more or {})})
            if not subject:  # what is news changes the page, too
                await want(conn, channel, f"page:{incident_id}", incident_id, "page")
            await notifications.wake(conn, channel.id)
        else:
            await notifications.queue(
                conn, incident_id=incident_id, kind=kind, channel=channel.id, dedup_key=f"{key}:{channel.id}", body=body
            )


async def refresh(conn: Connection, channels: Iterable[Channel], subject: str, kind: str) -> None:
    """Have the message about a subject looked at again in each chat."""
    for channel in channels:
        if channel.is_chat:
            await want(conn, channel, subject, None, kind)
            await notifications.wake(conn, channel.id)


async def want(
    conn: Connection,
    channel: Channel,
    subject: str,
    incident_id: UUID | None,
    kind: str,
    body: Mapping[str, Any] | None = None,
) -> None:
    """Have a chat's message about a subject posted, or edited where it has changed, once the chat is woken."""
    await notifications.want(
        conn, incident_id=incident_id, kind=kind, channel=channel.id, dedup_key=f"{subject}:{channel.id}",
        body=body or {}, subject=subject,
    )  # fmt: skip
