"""The shop in trouble, a person on call, and a chat about it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from agent.chat import Chats, Ending, Turn, open_chats
from agent.context import Budget, Context, ModelSettings
from agent.thread import prepare_memory
from evals.scripted_model import scripted_model
from knowledge.embedding import Embedder
from store import people
from store.ids import new_id
from store.pool import Row
from tests.agent.model_world import World, open_world
from tools.read.logs import FileLogs
from tools.read.metrics import CollectorMetrics

Event = tuple[str, dict[str, Any]]


@dataclass
class ChatWorld:
    """The shop, and what one person hears of a chat about it."""

    shop: World
    chats: Chats
    thread_id: UUID
    person_id: UUID
    role: str = "responder"
    language: str = "en"
    in_thread: bool = True
    embedder: Embedder | None = None
    events: list[Event] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def turn(self, text: str, history: tuple[tuple[str, str], ...] = ()) -> Turn:
        """What the person says next."""
        incident = self.shop.incident["id"] if self.in_thread else None
        return Turn(
            self.thread_id, new_id(), self.person_id, "night", self.role, text, incident, self.language, history
        )

    async def ask(self, text: str) -> Ending:
        """Without a model."""
        return await self.hear(self.turn(text))

    async def hear(self, turn: Turn, model: ModelSettings | None = None, budget: Budget | None = None) -> Ending:
        """One turn; its events are kept, and their tokens are the answer."""
        self.events = []
        ending = await self.chats.answer(self.context(model, budget), turn, self.emit)
        assert self.spoken() == ending.text
        return ending

    async def converse(self, text: str, script: Any, history: tuple[tuple[str, str], ...] = (), **how: Any) -> Ending:
        """With a scripted model."""
        async with scripted_model(script) as server:
            settings = ModelSettings(server.base_url, "test-key", "scripted-1", how.pop("timeout_s", 20.0))
            ending = await self.hear(self.turn(text, history), settings, **how)
        self.requests = server.requests
        return ending

    def context(self, model: ModelSettings | None = None, budget: Budget | None = None) -> Context:
        """What the house hands out."""
        site, store = self.shop.site, self.shop.store
        made = Context(store, site, CollectorMetrics(store), FileLogs(site.logs), self.embedder, model)
        return replace(made, chat_budget=budget) if budget else made

    async def emit(self, kind: str, body: Mapping[str, Any]) -> None:
        """Keep an event."""
        self.events.append((kind, dict(body)))

    def spoken(self) -> str:
        """The tokens together."""
        return "".join(body["text"] for kind, body in self.events if kind == "token")

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the events of a kind."""
        return [body for seen, body in self.events if seen == kind]

    def answers(self) -> list[str]:
        """Every text that the model was shown as a tool's answer, in order."""
        return [str(m["content"]) for m in self.requests[-1]["messages"] if m["role"] == "tool"]

    async def person(self, name: str, role: str) -> UUID:
        """Somebody else who works here."""
        async with self.shop.store.begin() as conn:
            return await people.add_person(conn, name, role, by="test")

    async def executions(self) -> list[Row]:
        """What was proposed."""
        from store import executions

        async with self.shop.store.begin() as conn:
            return await executions.of_incident(conn, self.shop.incident["id"])


@asynccontextmanager
async def open_chat_world(database: Any, folder: Path) -> AsyncIterator[ChatWorld]:
    """The shop a minute into its trouble, and somebody on call who asks."""
    await prepare_memory(database.owner_url)
    async with open_world(database.url, folder) as shop, open_chats(database.url) as chats:
        shop.log("INFO started")
        async with shop.store.begin() as conn:
            person_id = await people.add_person(conn, "night", "responder", by="test")
        yield ChatWorld(shop, chats, new_id(), person_id)
