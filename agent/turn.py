"""One turn of a chat: what a person said, whom it is told to, and how it ended."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from agent.context import Context
from agent.endpoints import Endpoints

Emit = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Takes the events of a turn as they come: kind and body. The tokens together are the text of the ending."""


class Outcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    NOT_UNDERSTOOD = "not_understood"
    PROPOSED = "proposed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Turn:
    """A person's message. `role` is what they may do, `history` what was said before (who, text), oldest first."""

    thread_id: UUID
    run_id: UUID
    person_id: UUID | None
    person_name: str
    role: str
    text: str
    incident_id: UUID | None
    language: str
    history: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ending:
    """The whole answer; `approval_id` where people have to decide on a proposal that was made."""

    text: str
    outcome: str
    approval_id: str = ""


@dataclass(frozen=True)
class Talk:
    """What every node of the chat graph is handed."""

    ctx: Context
    turn: Turn
    emit: Emit
    endpoints: Endpoints

    async def add(self, said: str, text: str) -> str:
        """Say more, apart from what was said; all of it together."""
        more = f"\n\n{text}" if said else text
        await self.emit("token", {"text": more})
        return said + more
