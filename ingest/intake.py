"""The intake: many requests folded in one transaction, each answered only after the commit.

The path of a batch: take copies of an alert together and split the rest into waves, touch exact repeats (counters
only), write new contents of open alerts, then let the core decide about what is left, join or open incidents, write
timeline and jobs. What this process folded last tells which way an alert goes; the database has the last word. Two
writers share the queue.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TypeVar

import psycopg
import structlog

from core.alert import Alert
from core.errors import Contended, Unavailable
from core.site import Site
from ingest.folding import Arrival, Outcome, arrive, fold_changes, fold_rest
from ingest.heard import Heard, hear
from ingest.heartbeats import HeartbeatRules, Rules, record, split
from ingest.joining import MustBeAlone
from ingest.waves import Word, waves
from store import alerts
from store.ids import new_ids
from store.pool import Store

log = structlog.get_logger(__name__)
T = TypeVar("T")

QUEUE_ALERTS_MAX = 50_000
COMMIT_ALERTS_MAX = 1_000
WRITERS = 2
RETRIES_MAX = 3
CONNECTION_WAIT_S = 3.0  # a sender gives up soon after; better to say at once that it should come again
GROUPS_KNOWN_MAX = 50_000  # that had an incident already, so that another one probably need not be opened
REMEMBERED_MAX = 131_072  # open alerts whose content this process knows, about 0.3 kB each


@dataclass
class Folded:
    """What became of a batch, counted in alerts."""

    new: int = 0
    repeats: int = 0
    changed: int = 0
    resolved: int = 0
    late: int = 0
    ignored: int = 0
    heartbeats: int = 0

    def count(self, result: str, number: int = 1) -> None:
        """Count one result by its name."""
        setattr(self, result, getattr(self, result) + number)

    def add(self, other: "Folded") -> None:
        """Sum up."""
        for one in fields(self):
            self.count(one.name, getattr(other, one.name))


@dataclass(slots=True)
class _Waiting:
    heard: Sequence[Heard]
    answer: "asyncio.Future[Folded]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """Takes batches of alerts; `run()` is its work, `accept()` its door."""

    def __init__(self, store: Store, site: Callable[[], Awaitable[Site]]) -> None:
        self._store = store
        self._site = site
        self._heartbeats = HeartbeatRules(store)
        self._rules: Rules | None = None
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._alerts_waiting = 0
        self._contents: dict[str, str] = {}
        self._groups: set[str] = set()

    async def accept(self, batch: Sequence[Alert]) -> Folded:
        """Fold a batch; returns after its commit. Raises Unavailable when too much waits or the database is away."""
        return await self.accept_heard([hear(alert) for alert in batch])

    async def accept_heard(self, batch: Sequence[Heard]) -> Folded:
        """The same for alerts that may not have been read yet."""
        if not batch:
            return Folded()
        self.refuse_if_full(len(batch))
        waiting = _Waiting(batch)
        self._alerts_waiting += len(batch)
        try:
            self._queue.put_nowait(waiting)
            return await waiting.answer
        finally:
            self._alerts_waiting -= len(batch)

    def refuse_if_full(self, more: int = 1) -> None:
        """Raise Unavailable where too much waits already; asked before a body is read, refusing costs nothing."""
        if self._alerts_waiting + more > QUEUE_ALERTS_MAX:
            raise Unavailable("Too many alerts wait to be stored; send this batch again in a moment.")

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._write())

    async def _write(self) -> None:
        while True:
            group = [await self._queue.get()]
            size = len(group[0].heard)
            while size < COMMIT_ALERTS_MAX and not self._queue.empty():
                group.append(self._queue.get_nowait())
                size += len(group[-1].heard)
            await self._answer(group)

    async def _answer(self, group: list[_Waiting]) -> None:
        try:
            answers: Sequence[Folded | Exception] = await self._fold([waiting.heard for waiting in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unavailable):
                # One batch must not cost its neighbours: each by itself.
                for waiting in group:
                    await self._answer([waiting])
                return
            log.warning("intake.failed", alerts=len(group[0].heard), error=repr(error))
            answers = [error] * len(group)
        for waiting, answer in zip(group, answers, strict=True):
            if waiting.answer.done():
                continue  # the sender went away; what it sent is stored all the same
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)

    async def _fold(self, batches: Sequence[Sequence[Heard]]) -> list[Folded]:
        site = await self._site()
        rules = await self._heartbeats.current()
        if rules != self._rules:
            self._contents.clear()  # what was an ordinary alert until now may be a heartbeat
            self._rules = rules
        answers = [Folded() for _ in batches]
        for wave in waves((number, heard) for number, batch in enumerate(batches) for heard in batch):
            left = await self._retry(partial(self._fold_known, wave, answers))
            if left:
                await self._retry(partial(self._fold_unknown, left, site, rules, answers))
        return answers

    async def _fold_known(self, wave: Sequence[Word], answers: Sequence[Folded]) -> list[Word]:
        """Repeats and changes of what this process folded before; the words that are something else."""
        contents = self._contents
        repeats: list[Word] = []
        changes: list[Word] = []
        left: list[Word] = []
        before: dict[str, str] = {}
        for word in wave:
            content = contents.get(word.identity) if word.is_firing else None
            if content is None:
                left.append(word)
                continue
            before[word.identity] = content
            (repeats if content == word.content else changes).append(word)
        if not before:
            return left
        repeats.sort(key=_identity)
        changes.sort(key=_identity)
        missed: list[Word] = []
        async with self._store.begin(wait_s=CONNECTION_WAIT_S, single=not (repeats and changes)) as conn:
            if repeats:
                rows = [(word.identity, word.content, len(word.copies)) for word in repeats]
                missed += [repeats[place] for place in await alerts.touch(conn, rows)]
            if changes:
                missed += await fold_changes(conn, changes, raising=False)
        for word in missed:
            del before[word.identity]
        for word in repeats + changes:
            if (said := before.get(word.identity)) is not None:
                self._settle(word, Outcome("repeats", said), answers)
        return left + missed

    async def _fold_unknown(self, words: Sequence[Word], site: Site, rules: Rules, answers: Sequence[Folded]) -> None:
        """Heartbeats are counted apart; the core decides about the rest."""
        by_identity = {word.identity: word for word in words}
        ordinary, beats = split([word.alert for word in words], rules)
        if beats:
            async with self._store.begin(wait_s=CONNECTION_WAIT_S) as conn:
                ordinary = [*ordinary, *await record(conn, beats)]
        folding = [by_identity.pop(alert.identity) for alert in ordinary]
        arrivals = [arrive(word, site, key) for word, key in zip(folding, new_ids(len(folding)), strict=True)]
        groups = {arrival.place.group_key for arrival in arrivals}
        outcomes = await self._decide(site, arrivals, alone=not groups <= self._groups) if arrivals else []
        if len(self._groups) > GROUPS_KNOWN_MAX:
            self._groups.clear()
        self._groups |= groups
        for word, outcome in zip(folding, outcomes, strict=True):
            self._settle(word, outcome, answers)
        for word in by_identity.values():
            self._settle(word, Outcome("heartbeats"), answers)

    async def _decide(self, site: Site, arrivals: Sequence[Arrival], *, alone: bool) -> list[Outcome]:
        """Beside the other writer if it can be, alone if an incident has to be opened."""
        try:
            async with self._store.begin(wait_s=CONNECTION_WAIT_S) as conn:
                return await fold_rest(conn, site, arrivals, alone=alone)
        except MustBeAlone:
            return await self._decide(site, arrivals, alone=True)

    def _settle(self, word: Word, outcome: Outcome, answers: Sequence[Folded]) -> None:
        """After the commit: remember what is open, and count."""
        contents = self._contents
        if word.is_firing and outcome.result not in ("late", "heartbeats"):
            contents[word.identity] = word.content
            if len(contents) > REMEMBERED_MAX:
                del contents[next(iter(contents))]
        else:
            contents.pop(word.identity, None)
        for sender, result in outcome.of_copies(word):
            answers[sender].count(result)

    async def _retry(self, work: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(RETRIES_MAX):
            try:
                return await work()
            except (Contended, psycopg.errors.UniqueViolation):
                if attempt == RETRIES_MAX - 1:
                    raise
        raise AssertionError("the loop returns or raises")


def _identity(word: Word) -> str:
    return word.identity
