"""What the app is told: each delivery with its attempts and its answer, over Socket Mode or HTTP."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.fakes.slack_rules import SlackLimits

EVENTS, INTERACTIVE, COMMANDS = "events_api", "interactive", "slash_commands"


@dataclass(frozen=True)
class Reply:
    """How one attempt went. `reason` is empty if it was acknowledged in time."""

    reason: str = ""
    body: dict[str, Any] | None = None
    status: int = 200
    no_retry: bool = False


@dataclass
class Delivered:
    """One thing that the app was told, and everything that came of it."""

    kind: str
    payload: dict[str, Any]
    attempts: list[Reply] = field(default_factory=list)
    done: bool = False
    acked_after_s: float | None = None

    @property
    def acked(self) -> bool:
        return bool(self.attempts) and not self.attempts[-1].reason

    @property
    def body(self) -> dict[str, Any]:
        """What came with the acknowledgement."""
        return (self.attempts[-1].body if self.attempts else None) or {}


class Road(Protocol):
    """The way to the app."""

    async def send(self, kind: str, payload: dict[str, Any], attempt: int, reason: str) -> Reply:
        """One attempt; the reason is that of the attempt before."""
        ...


@dataclass
class Deliveries:
    """Everything that was told, in order."""

    limits: SlackLimits
    road: Road | None = None
    entries: list[Delivered] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(
        self, kind: str, payload: dict[str, Any], then: Callable[[Delivered], None] | None = None, attempt: int = 0
    ) -> Delivered:
        """Deliver in the background. Events are tried again, a click is not: the person sees that it failed."""
        delivered = Delivered(kind, payload)
        self.entries.append(delivered)
        task = asyncio.create_task(self._deliver(delivered, then, attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivered

    async def _deliver(self, delivered: Delivered, then: Callable[[Delivered], None] | None, first: int) -> None:
        waits = self.limits.retry_s if delivered.kind == EVENTS else ()
        reason = "http_timeout" if first else ""
        for attempt in range(first, first + len(waits) + 1):
            if attempt > first:
                await asyncio.sleep(waits[attempt - first - 1])
            begun = asyncio.get_running_loop().time()
            if self.road is None:
                reply = Reply("connection_failed")
            else:
                reply = await self.road.send(delivered.kind, delivered.payload, attempt, reason)
            delivered.attempts.append(reply)
            reason = reply.reason
            if not reason:
                delivered.acked_after_s = asyncio.get_running_loop().time() - begun
            if not reason or reply.no_retry:
                break
        if then and delivered.acked:
            then(delivered)
        delivered.done = True

    async def close(self) -> None:
        """Stop telling."""
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
