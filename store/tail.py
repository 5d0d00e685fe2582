"""Growing lists of numbered rows: each is read once in a process, however many follow it there."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from core.errors import Unavailable

if TYPE_CHECKING:
    from store.pool import Connection, Row, Store

ROWS_AT_ONCE_MAX = 500
ROWS_KEPT_MAX = 512
REREAD_S = 2.0  # a wake-up may be lost, a row never

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A list whose rows have a `seq` from 1 on without gaps: how it is read, and what wakes its readers."""

    channel: str
    subject: UUID
    after: "Callable[..., Awaitable[list[Row]]]"  # (conn, subject, seq, *, rows_max)
    last: "Callable[[Connection, UUID], Awaitable[int]]"


class Kept:
    """A row, and its form for readers once one of them has made it."""

    __slots__ = ("frame", "row", "seq")

    def __init__(self, row: "Row") -> None:
        self.row, self.seq, self.frame = row, int(row["seq"]), b""


class Tail:
    """The newest rows of one list, kept for all its readers in this process. Who is further behind asks the tables."""

    def __init__(self, store: "Store", source: Source) -> None:
        self.is_over = False
        self.readers = 0
        self._store, self._source = store, source
        self._kept: list[Kept] = []
        self._seq = -1  # not known yet
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read_on(), name=f"tail of {source.channel}")

    async def after(self, seq: int) -> list[Kept]:
        """The rows after number `seq` that are there now, at most ROWS_AT_ONCE_MAX."""
        if self._kept and self._kept[0].seq <= seq + 1:
            begin = seq + 1 - self._kept[0].seq
            return self._kept[begin : begin + ROWS_AT_ONCE_MAX]
        if 0 <= self._seq <= seq:
            return []
        return [Kept(row) for row in await self._ask(seq)]

    async def beat(self) -> None:
        """Wait for more; a few seconds without any are a beat, too."""
        await self._news.wait()

    async def stop(self) -> None:
        """Nobody reads any more."""
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _read_on(self) -> None:
        try:
            async with self._store.bus.subscribe(self._source.channel) as wakes:
                while True:
                    await self._catch_up()
                    try:
                        async with asyncio.timeout(REREAD_S):
                            await anext(wakes)
                    except TimeoutError:
                        self._tell()
        except StopAsyncIteration:  # the house closes
            pass
        except Exception as error:
            log.error("tail.broken", channel=self._source.channel, error=repr(error), exc_info=True)
        finally:
            self.is_over = True
            self._tell()

    async def _catch_up(self) -> None:
        if self._seq < 0:
            try:
                async with self._store.begin(single=True) as conn:
                    self._seq = await self._source.last(conn, self._source.subject)
            except Unavailable:
                return
            self._tell()
        while rows := await self._ask(self._seq):
            self._kept += map(Kept, rows)
            self._seq = self._kept[-1].seq
            del self._kept[:-ROWS_KEPT_MAX]
            self._tell()
            if len(rows) < ROWS_AT_ONCE_MAX:
                return

    async def _ask(self, seq: int) -> "list[Row]":
        try:
            async with self._store.begin(single=True) as conn:
                return await self._source.after(conn, self._source.subject, seq, rows_max=ROWS_AT_ONCE_MAX)
        except Unavailable as error:
            log.warning("tail.database_away", channel=self._source.channel, error=error.detail)
            return []

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


@asynccontextmanager
async def _shared(store: "Store", source: Source) -> AsyncIterator[Tail]:
    tail = store.tails.get(source.channel)
    if tail is None or tail.is_over:
        tail = store.tails[source.channel] = Tail(store, source)
    tail.readers += 1
    try:
        yield tail
    finally:
        tail.readers -= 1
        if not tail.readers:
            if store.tails.get(source.channel) is tail:
                del store.tails[source.channel]
            await tail.stop()


async def batches(store: "Store", source: Source, seq: int) -> AsyncGenerator[list[Kept], None]:
    """Every row after number `seq`, each once and in order, as it comes; an empty batch every few quiet seconds, so
    that the reader can see whether it still wants to. Ends with the house."""
    async with _shared(store, source) as tail:
        while True:
            rows = await tail.after(seq)
            if not rows and not tail.is_over:
                await tail.beat()
                rows = await tail.after(seq)
            if rows:
                seq = rows[-1].seq
            elif tail.is_over:
                return
            yield rows
