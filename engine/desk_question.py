"""Questions from a chat: they join the conversation of the place where they were asked; the answer goes there too."""

from core.catalogue import Language
from core.chat_key import ChatKey
from core.plain_text import cut
from core.role import Role
from engine import chatting
from engine.approving import Person
from engine.streaming_answers import stream_soon
from store import conversations, incidents, threads
from store.identities import Account
from store.pool import Connection, Row

TITLE_CHARS_MAX = 200


async def put_question(
    conn: Connection,
    key: ChatKey,
    incident: Row | None,
    question: str,
    *,
    account: Account,
    person: Person,
    role: Role,
    language: Language,
    is_private: bool,
) -> None:
    """Queue the answer to a question. What everybody in a group reads is one conversation; a private chat is its own.

    Raises Refused as engine.chatting.say does.
    """
    title = f"#{incident['number']} {incident['title']}" if incident else question
    thread = await threads.create(
        conn, person_id=person.id if is_private else None, door=account.platform, outside_key=str(key),
        incident_id=incident["id"] if incident else None, title=cut(title, TITLE_CHARS_MAX),
    )  # fmt: skip
    run_id = await chatting.say(conn, thread, person, role, question, language=language, asked_by=account.account)
    await stream_soon(conn, thread, run_id)


async def place_of_incident(conn: Connection, channel: str, incident: Row, chat: str) -> ChatKey:
    """Where an incident is talked about in a chat; the chat itself where it has no thread there (yet).

    Whichever of its messages somebody answers to, it is one conversation.
    """
    row = await conversations.get(conn, channel, incident["id"], chat)
    return ChatKey(channel, chat, (row["thread"] or row["root"]) if row else "")


async def incident_there(conn: Connection, channel: str, chat: str, thread: str) -> Row | None:
    """The incident that is talked about in a thread, or that a message which is answered is about."""
    if not thread:
        return None
    found = await conversations.incident_at(conn, channel, chat, thread=thread, ref=thread)
    return await incidents.get(conn, found) if found else None
