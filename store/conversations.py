"""Conversations: the thread of an incident in a chat, what we posted there, and when a chat may be written to."""

from dataclasses import asdict, dataclass
from uuid import UUID

from store.pool import Connection, Row, many, maybe
from store.sql_files import Queries

CONVERSATIONS = Queries("conversations")
KEEP_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of ours: what it is about, where it is, and the hash of what it shows."""

    channel: str
    subject: str
    incident_id: UUID | None
    chat: str
    thread: str
    root: str
    ref: str
    shown: str


async def open_thread(conn: Connection, channel: str, incident_id: UUID, *, chat: str, thread: str, root: str) -> None:
    """Keep where an incident is talked about, in the place of a thread that is gone."""
    await conn.execute(CONVERSATIONS["open"], [channel, incident_id, chat, thread, root])


async def get(conn: Connection, channel: str, incident_id: UUID, chat: str) -> Row | None:
    """The thread (chat, thread, root) of an incident in a chat."""
    return await maybe(conn, CONVERSATIONS["get"], [channel, incident_id, chat])


async def of_incident(conn: Connection, incident_id: UUID) -> list[Row]:
    """Every thread of an incident, by channel."""
    return await many(conn, CONVERSATIONS["of_incident"], [incident_id])


async def by_thread(conn: Connection, channel: str, chat: str, thread: str) -> Row | None:
    """The thread (chat, thread, root) that is known by its topic or by its first message."""
    params = {"channel": channel, "chat": chat, "thread": thread}
    return await maybe(conn, CONVERSATIONS["by_thread"], params)


async def forget(conn: Connection, channel: str, incident_id: UUID) -> None:
    """The thread does not exist any more, nor does what was posted in it."""
    await conn.execute(CONVERSATIONS["forget"], {"channel": channel, "incident": incident_id})


async def forget_old(conn: Connection) -> int:
    """Drop the messages about what is over for a month; how many that were."""
    return (await conn.execute(CONVERSATIONS["forget_old"], {"keep_s": KEEP_S})).rowcount


async def incident_at(conn: Connection, channel: str, chat: str, *, thread: str = "", ref: str = "") -> UUID | None:
    """The incident that is talked about in a thread (or below its first message), or in the message `ref` of ours."""
    params = {"channel": channel, "chat": chat, "thread": thread, "ref": ref}
    row = await maybe(conn, CONVERSATIONS["incident_at"], params)
    return row["incident_id"] if row else None


async def post_of(conn: Connection, channel: str, subject: str) -> Row | None:
    """The message (chat, thread, root, ref, shown) that shows a subject."""
    return await maybe(conn, CONVERSATIONS["post"], [channel, subject])


async def posts_of_incident(conn: Connection, incident_id: UUID) -> list[Row]:
    """All messages about an incident: channel, subject, chat, ref, shown."""
    return await many(conn, CONVERSATIONS["posts_of_incident"], [incident_id])


async def posted(conn: Connection, post: Posted) -> None:
    """Keep a message after it was posted or edited."""
    await conn.execute(CONVERSATIONS["posted"], asdict(post))


async def forget_post(conn: Connection, channel: str, subject: str) -> None:
    """The message does not exist any more."""
    await conn.execute(CONVERSATIONS["forget_post"], [channel, subject])


async def waits(conn: Connection, channel: str, chat: str) -> tuple[float, int]:
    """Seconds until a chat may be written to (0: now), and how often in a row it did not answer."""
    row = await maybe(conn, CONVERSATIONS["waits"], [channel, chat])
    return (max(row["seconds"], 0.0), row["failures"]) if row else (0.0, 0)


async def wait(conn: Connection, channel: str, chat: str, *, seconds: float, reason: str, failed: bool) -> None:
    """Nothing to this chat before so many seconds are over."""
    params = {"channel": channel, "chat": chat, "seconds": seconds, "failure": int(failed), "reason": reason}
    await conn.execute(CONVERSATIONS["wait"], params)


async def heard(conn: Connection, channel: str, chat: str) -> None:
    """The chat took a message: no failures any more."""
    await conn.execute(CONVERSATIONS["heard"], [channel, chat])
