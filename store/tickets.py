"""Tickets: what a button in a chat stands for. A button carries twelve characters; the row says the rest."""

import secrets
from uuid import UUID

from store.pool import Connection, Row, maybe, one
from store.sql_files import Queries

TICKETS = Queries("tickets")
BYTES = 9  # 72 random bits, 12 characters
KEEP_S = 30 * 86_400.0
"""How long a ticket is good for; what it is about says much earlier that its time is over."""


async def mint(
    conn: Connection, *, channel: str, verb: str, incident_id: UUID | None, subject: str, bound: str = ""
) -> str:
    """The ticket of a thing: always the same for the same arguments, 12 url-safe characters, not to be guessed.

    `subject` is the id that the verb is about where that is not the incident; `bound` is the intent hash of an action.
    """
    thing = {"channel": channel, "verb": verb, "incident": incident_id, "subject": subject, "bound": bound}
    values = {**thing, "keep_s": KEEP_S}
    # Looked up first, since messages are rendered again much more often than they are new.
    row = await maybe(conn, TICKETS["same"], values)
    row = row or await maybe(conn, TICKETS["mint"], {**thing, "ticket": secrets.token_urlsafe(BYTES)})
    row = row or await one(conn, TICKETS["same"], values)
    if row.get("is_old"):
        await conn.execute(TICKETS["renew"], [row["ticket"]])
    return str(row["ticket"])


async def read(conn: Connection, ticket: str) -> Row | None:
    """One ticket with its `places`, pairs of chat and message, and whether it `is_old`; None where there is none."""
    return await maybe(conn, TICKETS["read"], {"ticket": ticket, "keep_s": KEEP_S})


async def shown(conn: Connection, ticket: str, chat: str, ref: str, *, is_question: bool = False) -> None:
    """A message carries this ticket; harmless to repeat. From the first one on, it is good only from where it is shown.

    A question is a message of ours that asks for words, and whose replies mean this ticket.
    """
    await conn.execute(TICKETS["shown"], [chat, ref, is_question, ticket])


async def question(conn: Connection, channel: str, chat: str, ref: str) -> Row | None:
    """The ticket that a question of ours is about; None where the message is no question."""
    return await maybe(conn, TICKETS["question"], [channel, chat, ref])


async def forget(conn: Connection) -> int:
    """Drop what is too old; how many that were."""
    return (await conn.execute(TICKETS["forget"], [KEEP_S])).rowcount
