"""Running an incident's thread: start it, resume it, or rebuild it from the tables if its memory is gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from agent.context import Context
from agent.graph import Graph, build_graph
from store.migrate import checkpoint_version

STEPS_MAX = 60
CONNECTIONS_MAX = 4


async def prepare_memory(owner_url: str) -> None:
    """Make the checkpointer's tables, in their own schema, as the owner; nothing where they are there already."""
    async with await AsyncConnection.connect(
        owner_url, autocommit=True, prepare_threshold=0, row_factory=dict_row, options="-c search_path=checkpoints"
    ) as conn:
        if await checkpoint_version(conn) != len(AsyncPostgresSaver.MIGRATIONS) - 1:
            await AsyncPostgresSaver(conn).setup()


class Threads:
    """All threads over one graph and one memory."""

    def __init__(self, graph: Graph, memory: AsyncPostgresSaver) -> None:
        self._graph = graph
        self._memory = memory

    async def advance(self, ctx: Context, incident_id: str, *, begin: bool) -> bool:
        """Go on, or start where nothing is under way and `begin` allows it; True where it waits for an outcome.

        Safe to repeat: every node finds what it did before in the tables. The caller sees to it that only one
        advance of an incident runs at a time.
        """
        config: Any = {"configurable": {"thread_id": incident_id}, "recursion_limit": STEPS_MAX}
        state = await self._graph.aget_state(config)
        if state.interrupts:
            step: Any = Command(resume=True)
        elif state.next:
            step = None  # it was cut off in the middle of a node: run that node again
        elif begin:
            step = {"incident_id": incident_id, "wish": {}, "execution_id": "", "outcome": ""}
        else:
            return False
        await self._graph.ainvoke(step, config, context=ctx, durability="sync")
        return bool((await self._graph.aget_state(config)).interrupts)

    async def forget(self, incident_id: str) -> None:
        """Drop a thread's memory; the tables keep everything that matters."""
        await self._memory.adelete_thread(incident_id)


@asynccontextmanager
async def open_threads(database_url: str) -> AsyncIterator[Threads]:
    """Compile the graph over the PostgreSQL memory."""
    async with open_memory(database_url) as memory:
        yield Threads(build_graph(memory), memory)


@asynccontextmanager
async def open_memory(database_url: str) -> AsyncIterator[AsyncPostgresSaver]:
    """The checkpointer, over connections of its own."""
    async with AsyncConnectionPool(
        database_url,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        open=False,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            "row_factory": dict_row,
            "options": "-c search_path=checkpoints",
        },
    ) as pool:
        # Only plain JSON types live in the state, so nothing is ever revived from a checkpoint by class name.
        yield AsyncPostgresSaver(pool, serde=JsonPlusSerializer(allowed_msgpack_modules=None))  # type: ignore[arg-type]
