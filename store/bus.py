"""The live bus: wakes readers when rows were committed. Nothing durable: a lost message only makes a reader late.

Publish after the commit, and publish an id, never a row. A reader that is woken with WAKE_UP (it was slow, or the
connection was lost meanwhile) reads its tables again; so it should do now and then by itself.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from core.errors import Unavailable

LIVE = "nightshift_live"  # the one channel of the transport, in PostgreSQL and in Redis
WAKE_UP = ("", "")
PAYLOAD_BYTES_MAX = 4_000  # PostgreSQL refuses 8,000
QUEUE_MESSAGES_MAX = 256
OPEN_TIMEOUT_S = 10.0
PUBLISH_TIMEOUT_S = 5.0
RECONNECT_MIN_S, RECONNECT_MAX_S = 0.05, 5.0
_SEPARATOR = "\x1f"

log = structlog.get_logger(__name__)


class Bus(Protocol):
    """What writers and readers see of the bus, whatever carries it."""

    async def publish(self, channel: str, payload: str) -> None:
        """Wake the subscribers of a channel, in all processes. Never fails for want of a connection."""

    def wake(self, channels: Iterable[str]) -> None:
        """The same for many channels, soon: nobody waits for it."""

    def subscribe(self, *channels: str) -> "AbstractAsyncContextManager[Subscription]":
        """Hear these channels from the moment the context is entered."""

    async def close(self) -> None:
        """End every subscription and the connections."""


class Subscription:
    """What one reader hears: an async iterator of (channel, payload). It ends when the bus is closed."""

    def __init__(self) -> None:
        self._heard: deque[tuple[str, str]] = deque()
        self._news = asyncio.Event()
        self._ended = False

    async def wait(self, timeout_s: float) -> tuple[str, str] | None:
        """The next message, or None when nothing came in time or the bus is closed."""
        try:
            async with asyncio.timeout(timeout_s):
                return await anext(self, None)
        except TimeoutError:
            return None

    def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        return self

    async def __anext__(self) -> tuple[str, str]:
        while not self._heard:
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._heard.popleft()

    def offer(self, message: tuple[str, str]) -> None:
        """Hand over a message without waiting: for one who does not keep up, all become a single WAKE_UP."""
        if len(self._heard) >= QUEUE_MESSAGES_MAX:
            self._heard.clear()
            message = WAKE_UP
        self._heard.append(message)
        self._news.set()

    def end(self) -> None:
        """Let the iteration end, after what was heard."""
        self._ended = True
        self._news.set()


class FanoutBus(ABC):
    """One receiving connection per process, shared by all its subscribers, connected again when it dies."""

    faults: tuple[type[Exception], ...] = (OSError,)

    def __init__(self) -> None:
        self._subscribers: dict[str, set[Subscription]] = {}
        self._receiver: asyncio.Task[None] | None = None
        self._to_wake: set[str] = set()
        self._waker: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._last_fault = "no answer"

    @abstractmethod
    def messages(self) -> AsyncIterator[str | None]:
        """Connect and listen: None each time listening (re)began, then what was sent. Raises one of `faults`."""

    @abstractmethod
    async def send(self, texts: Sequence[str]) -> None:
        """Send to all processes, in one trip. Raises one of `faults`."""

    async def open(self) -> None:
        """Listen. Raises Unavailable when that is not possible within OPEN_TIMEOUT_S."""
        self._receiver = asyncio.create_task(self._receive(), name="live bus")
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._ready.wait()
        except TimeoutError:
            await self.close()
            raise Unavailable(f"the live bus cannot connect: {self._last_fault}") from None

    async def close(self) -> None:
        """End every subscription and the connections; wakes that were asked for still go out."""
        if self._waker:
            await self._waker
        if self._receiver:
            self._receiver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._receiver
        for subscription in self._everyone():
            subscription.end()

    async def publish(self, channel: str, payload: str) -> None:
        """Wake the subscribers of a channel, in all processes. A failure is logged: the rows are committed."""
        text = f"{channel}{_SEPARATOR}{payload}"
        if not channel or _SEPARATOR in channel or len(text.encode()) > PAYLOAD_BYTES_MAX:
            raise ValueError(f"a channel has a name, and with the payload at most {PAYLOAD_BYTES_MAX} bytes")
        await self._try([text])

    def wake(self, channels: Iterable[str]) -> None:
        """Wake many channels without a payload; what is asked for meanwhile goes together, each channel once."""
        self._to_wake.update(channels)
        if self._to_wake and (self._waker is None or self._waker.done()):
            self._waker = asyncio.create_task(self._wake(), name="live bus wakes")

    async def _wake(self) -> None:
        while self._to_wake:
            texts = [f"{channel}{_SEPARATOR}" for channel in sorted(self._to_wake)]
            self._to_wake.clear()
            await self._try(texts)

    async def _try(self, texts: Sequence[str]) -> None:
        for last_try in (False, True):
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                    await self.send(texts)
                return
            except self.faults as fault:  # a TimeoutError is an OSError
                if last_try:
                    log.warning("bus_publish_failed", messages=len(texts), error=str(fault))

    @contextlib.asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[Subscription]:
        """Hear these channels from the moment the context is entered."""
        subscription = Subscription()
        for channel in channels:
            self._subscribers.setdefault(channel, set()).add(subscription)
        try:
            yield subscription
        finally:
            for channel in channels:
                self._subscribers[channel].discard(subscription)
                if not self._subscribers[channel]:
                    del self._subscribers[channel]

    async def _receive(self) -> None:
        pause_s = RECONNECT_MIN_S
        while True:
            try:
                async for text in self.messages():
                    pause_s = RECONNECT_MIN_S
                    self._deliver(text)
            except self.faults as fault:
                self._last_fault = str(fault).strip() or type(fault).__name__
                log.warning("bus_connection_lost", error=self._last_fault, retry_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RECONNECT_MAX_S)

    def _deliver(self, text: str | None) -> None:
        if text is not None:
            channel, _, payload = text.partition(_SEPARATOR)
            for subscription in tuple(self._subscribers.get(channel, ())):
                subscription.offer((channel, payload))
        elif self._ready.is_set():  # listening again: what was sent meanwhile is lost
            for subscription in self._everyone():
                subscription.offer(WAKE_UP)
        else:
            self._ready.set()

    def _everyone(self) -> set[Subscription]:
        return set().union(*self._subscribers.values())


async def open_bus(database_url: str, redis_url: str | None = None) -> Bus:
    """The bus of this process: over Redis when there is one, else over PostgreSQL. Close it with close()."""
    bus: FanoutBus
    if redis_url:
        from store.bus_redis import RedisBus

        bus = RedisBus(redis_url)
    else:
        from store.bus_postgres import PostgresBus

        bus = PostgresBus(database_url)
    await bus.open()
    return bus
