"""The watcher of log files: reads what is new, and stores lines, counts and places in one transaction."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

import structlog

from core.log_rule import WINDOW_S_MAX, LogRule, Tally, count
from core.site import LogFile, Site
from engine.house import House
from ingest.log_reader import LogReader, Piece
from store import log_counts, log_positions, logs
from store.log_positions import Position
from store.pool import now

log = structlog.get_logger(__name__)

BATCH_BYTES = 2 * 1024 * 1024
BATCH_LINES = 10_000
TELL_EVERY_S = 5.0
FORGET_EVERY_S = 60.0
FORGET_EVERY_BYTES = 64 * 1024 * 1024
TOUCH_EVERY_S = 3600.0
GONE_S = 7 * 86_400.0


@dataclass
class Batch:
    """What one transaction stores."""

    positions: dict[str, Position] = field(default_factory=dict)
    chunks: list[logs.Chunk] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    bytes: int = 0


@dataclass
class _Watch:
    """A reader, and when (monotonic seconds) things were last done for it."""

    reader: LogReader
    told_at: float = float("-inf")
    told: tuple[object, ...] = ()
    touched_at: float = float("-inf")


class LogWatcher:
    """One process leads. A slow database slows the reading: nothing is read ahead of what is stored."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._watches: dict[str, _Watch] = {}
        self._tallies: frozenset[str] | None = None
        self._names: frozenset[str] | None = None
        self._forgot_at = float("-inf")
        self._bytes_since = 0

    async def run(self) -> None:
        """One round over all watched folders, then the pause, unless something is left to read."""
        started = monotonic()
        site = await self._house.site()
        try:
            await self._follow(site)
            for watch in self._watches.values():
                await self._read(watch, site)
            await self._forget(site)
        except BaseException:
            self._watches.clear()  # what was read and not stored is read again, from where the database says
            raise
        if not any(watch.reader.is_behind for watch in self._watches.values()):
            await self._house.rest(started, lambda timings: timings.logs_s)

    async def _follow(self, site: Site) -> None:
        """Watch and count what the site names now. Changed settings keep the places; a new folder reads its own."""
        wanted = {log.watch: log for log in site.logs if log.folder}
        tallies = frozenset(rule.tally for rule in site.log_rules)
        async with self._house.store.begin() as conn:
            if tallies != self._tallies:
                await log_counts.begin(conn, sorted(tallies))
            if wanted.keys() != self._names:
                await log_positions.end_watches(conn, sorted(wanted))
            for name, file in wanted.items():
                if name not in self._watches:
                    known = await log_positions.of_watch(conn, name)
                    self._watches[name] = _Watch(LogReader(file, known, not await log_positions.has_begun(conn, name)))
                elif self._watches[name].reader.watch != file:
                    self._change(name, file)
        for name in self._watches.keys() - wanted.keys():
            del self._watches[name]
        self._tallies, self._names = tallies, frozenset(wanted)

    def _change(self, name: str, file: LogFile) -> None:
        """Look at everything again by the new settings; the places stay."""
        old = self._watches[name].reader
        self._watches[name] = _Watch(LogReader(file, old.positions, old.is_backlog))

    async def _read(self, watch: _Watch, site: Site) -> None:
        async with self._house.store.begin() as conn:
            received = (await now(conn)).timestamp()
        reader = watch.reader
        rules = {rule.tally: rule for rule in site.log_rules if rule.service == reader.watch.service}
        pieces = reader.pieces(site.environment, received, monotonic())
        while (batch := await asyncio.to_thread(take, pieces, list(rules.values()))).positions:
            self._house.crashpoints.reach("log_read")
            await self._store(reader, batch)
        await self._tell(watch)

    async def _store(self, reader: LogReader, batch: Batch) -> None:
        async with self._house.store.begin() as conn:
            await logs.insert(conn, batch.chunks)
            await log_counts.add(conn, batch.tallies)
            self._house.crashpoints.reach("log_stored")
            await log_positions.move(conn, list(batch.positions.values()))
        reader.stored(batch.positions)
        self._bytes_since += batch.bytes
        self._house.crashpoints.reach("log_committed")

    async def _tell(self, watch: _Watch) -> None:
        """Write down how the watch is, now and then and whenever that changed."""
        reader, clock = watch.reader, monotonic()
        is_read = not reader.is_behind and bool(reader.files or not reader.faults)
        told = (is_read, len(reader.files), tuple(reader.faults))
        begins = reader.is_backlog and is_read
        if told == watch.told and not begins and clock - watch.told_at < TELL_EVERY_S:
            return
        if reader.faults and told[2] != (watch.told[2] if watch.told else ()):
            log.warning("logs.incomplete", folder=reader.watch.folder, faults=reader.faults)
        async with self._house.store.begin() as conn:
            began_at = await log_positions.watched(
                conn, reader.watch.watch, reader.watch.service, is_read=is_read, files=told[1], faults=told[2]
            )
            if clock - watch.touched_at > TOUCH_EVERY_S:
                await log_positions.touch(conn, reader.watch.watch, reader.files)
                watch.touched_at = clock
        reader.is_backlog = began_at is None
        watch.told, watch.told_at = told, clock

    async def _forget(self, site: Site) -> None:
        """Drop what is too old or too much: each minute, and sooner where much came."""
        if monotonic() - self._forgot_at < FORGET_EVERY_S and self._bytes_since < FORGET_EVERY_BYTES:
            return
        self._forgot_at, self._bytes_since = monotonic(), 0
        limits = site.log_store
        while True:
            async with self._house.store.begin() as conn:
                if not await logs.forget(conn, retention_s=limits.retention_s, bytes_max=limits.bytes_max):
                    await log_counts.forget(conn, older_than_s=WINDOW_S_MAX)
                    await log_positions.forget(conn, gone_s=GONE_S)
                    return


def take(pieces: Iterator[Piece], rules: Sequence[LogRule]) -> Batch:
    """Read on until a transaction is full; an empty batch at the end of the round. Blocks: it reads files."""
    batch, lines = Batch(), 0
    for piece in pieces:
        batch.positions[piece.position.file] = piece.position
        if piece.chunk:
            batch.chunks.append(piece.chunk)
            batch.bytes += piece.chunk.bytes
            lines += len(piece.chunk.texts)
            if not piece.is_backlog:
                _count(batch.tallies, rules, piece.chunk)
        if batch.bytes >= BATCH_BYTES or lines >= BATCH_LINES:
            break
    return batch


def _count(tallies: dict[str, Tally], rules: Sequence[LogRule], chunk: logs.Chunk) -> None:
    for rule in rules:
        more = count(rule, zip(chunk.levels, chunk.texts, strict=True))
        past = tallies.get(rule.tally, Tally(0, ""))
        tallies[rule.tally] = Tally(past.lines + more.lines, past.example or more.example)
