"""The intake: many requests folded in one transaction, each answered only after the commit.

The path of a batch: take exact copies inside it together and split the rest into waves, touch exact repeats (counters
only), then let the core decide about what is left, join or open incidents, write timeline and jobs. Two writers share
the queue.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TypeVar

import psycopg
import structlog

from core.alert import Alert, AlertStatus
from core.errors import Contended, Unavailable
from core.site import Site
from ingest.folding import COPIES_COUNTED_AS, fold_rest
from ingest.waves import Word, waves
from store import alerts
from store.pool import Store

log = structlog.get_logger(__name__)
T = TypeVar("T")

QUEUE_ALERTS_MAX = 50_000
COMMIT_ALERTS_MAX = 1_000
WRITERS = 2
RETRIES_MAX = 3
CONNECTION_WAIT_S = 3.0  # a sender gives up soon after; better to say at once that it should come again


@dataclass
class Folded:
    """What became of a batch, counted in alerts."""

    new: int = 0
    repeats: int = 0
    changed: int = 0
    resolved: int = 0
    late: int = 0
    ignored: int = 0

    def count(self, result: str, number: int = 1) -> None:
        """Count one result by its name."""
        setattr(self, result, getattr(self, result) + number)

    def add(self, other: "Folded") -> None:
        """Sum up."""
        for one in fields(self):
            self.count(one.name, getattr(other, one.name))


@dataclass
class _Waiting:
    alerts: Sequence[Alert]
    answer: "asyncio.Future[Folded]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """Takes batches of alerts; `run()` is its work, `accept()` its door."""

    def __init__(self, store: Store, site: Callable[[], Awaitable[Site]]) -> None:
        self._store = store
        self._site = site
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._alerts_waiting = 0

    async def accept(self, batch: Sequence[Alert]) -> Folded:
        """Fold a batch; returns after its commit. Raises Unavailable when too much waits or the database is away."""
        if not batch:
            return Folded()
        if self._alerts_waiting + len(batch) > QUEUE_ALERTS_MAX:
            raise Unavailable("Too many alerts wait to be stored; send this batch again in a moment.")
        waiting = _Waiting(batch)
        self._alerts_waiting += len(batch)
        try:
            self._queue.put_nowait(waiting)
            return await waiting.answer
        finally:
            self._alerts_waiting -= len(batch)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._write())

    async def _write(self) -> None:
        while True:
            group = [await self._queue.get()]
            size = len(group[0].alerts)
            while size < COMMIT_ALERTS_MAX and not self._queue.empty():
                group.append(self._queue.get_nowait())
                size += len(group[-1].alerts)
            await self._answer(group)

    async def _answer(self, group: list[_Waiting]) -> None:
        try:
            answers = await self._fold([waiting.alerts for waiting in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unavailable):
                # One batch must not cost its neighbours: each by itself.
                for waiting in group:
                    await self._answer([waiting])
                return
            log.warning("intake.failed", alerts=len(group[0].alerts), error=repr(error))
            answers = [error] * len(group)
        for waiting, answer in zip(group, answers, strict=True):
            if waiting.answer.done():
                continue  # the sender went away; what it sent is stored all the same
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)

    async def _fold(self, batches: Sequence[Sequence[Alert]]) -> Sequence["Folded | Exception"]:
        site = await self._site()
        answers = [Folded() for _ in batches]
        numbered = [(number, alert) for number, batch in enumerate(batches) for alert in batch]
        for wave in waves(numbered):
            touched = await self._retry(partial(self._touch, wave))
            _count(answers, ((word, "repeats") for word in wave if word.alert.identity in touched))
            rest = [word for word in wave if word.alert.identity not in touched]
            if rest:
                counted = await self._retry(partial(self._decide, rest, site))
                _count(answers, zip(rest, counted, strict=True))
        return answers

    async def _touch(self, wave: Sequence[Word]) -> set[str]:
        repeats = {w.alert.identity: (w.content, len(w.senders)) for w in wave if w.alert.status is AlertStatus.FIRING}
        if not repeats:
            return set()
        async with self._store.begin(wait_s=CONNECTION_WAIT_S) as conn:
            return await alerts.touch(conn, repeats)

    async def _decide(self, rest: Sequence[Word], site: Site) -> list[str]:
        async with self._store.begin(wait_s=CONNECTION_WAIT_S) as conn:
            return await fold_rest(conn, site, [w.alert for w in rest], [len(w.senders) for w in rest])

    async def _retry(self, work: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(RETRIES_MAX):
            try:
                return await work()
            except (Contended, psycopg.errors.UniqueViolation):
                if attempt == RETRIES_MAX - 1:
                    raise
        raise AssertionError("the loop returns or raises")


def _count(answers: Sequence[Folded], words: Iterable[tuple[Word, str]]) -> None:
    for word, counted in words:
        first, *copies = word.senders
        answers[first].count(counted)
        for sender in copies:
            answers[sender].count(COPIES_COUNTED_AS.get(counted, counted))
