"""Running a turn of a chat: begin it, or go on where a worker that died had left it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from agent.chat_graph import ChatGraph, build_chat_graph
from agent.chat_state import ChatState, fresh
from agent.context import Context
from agent.endpoints import Endpoints
from agent.thread import open_memory
from agent.turn import Emit, Ending, Outcome, Talk, Turn

__all__ = ["Chats", "Emit", "Ending", "Outcome", "Turn", "open_chats"]

STEPS_MAX = 12


class Chats:
    """All chats over one graph, one memory, and the endpoints of the models."""

    def __init__(self, graph: ChatGraph, memory: AsyncPostgresSaver, endpoints: Endpoints) -> None:
        self._graph, self._memory, self._endpoints = graph, memory, endpoints

    async def answer(self, ctx: Context, turn: Turn, emit: Emit) -> Ending:
        """Answer a message; events go to `emit` as they come, and their tokens together are the ending's text.

        Safe to repeat for the same run: what it had done is found, what it had said is said again, and no second
        proposal is made. The caller sees to it that only one run of a thread works at a time. Raises only where our own
        database does not answer; a model that fails is an answer by rules.
        """
        key = f"chat:{turn.thread_id}"
        config: Any = {"configurable": {"thread_id": key}, "recursion_limit": STEPS_MAX}
        known = await self._graph.aget_state(config)
        step: ChatState | None = fresh(str(turn.run_id), by_model=ctx.model is not None)
        if known.values.get("run_id") == str(turn.run_id):
            if said := known.values["text"]:
                await emit("token", {"text": said})
            if not known.next:
                return _ending(known.values)
            step = None
        elif known.values:
            await self._memory.adelete_thread(key)  # a turn is remembered until the next begins, and no longer
        talk = Talk(ctx, turn, emit, self._endpoints)
        values = await self._graph.ainvoke(step, config, context=talk, durability="sync")
        return _ending(values)

    async def forget(self, thread_id: str) -> None:
        """Drop a chat's memory; the tables keep everything that matters."""
        await self._memory.adelete_thread(f"chat:{thread_id}")


@asynccontextmanager
async def open_chats(database_url: str) -> AsyncIterator[Chats]:
    """Compile the graph over the PostgreSQL memory."""
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(open_memory(database_url))
        yield Chats(build_chat_graph(memory), memory, Endpoints(stack))


def _ending(values: Any) -> Ending:
    return Ending(values["text"], values["outcome"], values["approval_id"])
