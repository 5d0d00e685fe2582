"""The live bus over LISTEN/NOTIFY: one listening and one sending connection per process, neither through a pooler."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import psycopg

from store.bus import LIVE, PUBLISH_TIMEOUT_S, FanoutBus

HEARTBEAT_S = 30.0  # how long the listening connection may be silent before it has to prove that it lives


class PostgresBus(FanoutBus):
    """LISTEN on one channel; the names of ours travel inside the payload."""

    faults = (OSError, psycopg.Error)

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self._dsn = dsn
        self._sender: psycopg.AsyncConnection | None = None
        self._sending = asyncio.Lock()

    async def messages(self) -> AsyncIterator[str | None]:
        """Listen until the connection dies."""
        async with await self._connect() as connection:
            await connection.execute(f"LISTEN {LIVE}".encode())
            yield None
            while True:
                async for notify in connection.notifies(timeout=HEARTBEAT_S):
                    yield notify.payload
                async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                    await connection.execute("SELECT 1")

    async def send(self, texts: Sequence[str]) -> None:
        """NOTIFY on the sending connection, which is made at the first use and again after a fault."""
        async with self._sending:
            if self._sender is None:
                self._sender = await self._connect()
            try:
                await self._sender.execute("SELECT pg_notify(%s, t) FROM unnest(%s::text[]) AS t", (LIVE, list(texts)))
            except BaseException:  # cancelled in the middle: its state is not known
                sender, self._sender = self._sender, None
                await sender.close()
                raise

    async def close(self) -> None:
        """End the subscriptions and both connections."""
        await super().close()
        async with self._sending:
            if self._sender:
                await self._sender.close()
                self._sender = None

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            self._dsn, autocommit=True, connect_timeout=5, application_name="nightshift live bus"
        )
