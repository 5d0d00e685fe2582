"""A house over a fresh database whose log files are read round by round, as the worker does it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.site import Site, Timings
from core.site_form import read_site
from engine.crashpoint import Crashpoints
from engine.evaluator import Evaluator
from engine.log_files import LogWatcher
from ingest.intake import Intake
from store import logs
from store.bus import open_bus
from store.pool import Row, Store, now, open_store
from tests.engine.ward import Ward, open_ward

SETTLE_S = 0.3


@dataclass
class LogHouse:
    """What the watcher and the evaluator need of an open house."""

    store: Store
    folder: Path
    crashpoints: Crashpoints = field(default_factory=lambda: Crashpoints(""))
    body: dict[str, Any] = field(default_factory=dict)
    client: Any = None
    version: int = 0
    intake: Intake = field(init=False)
    watcher: LogWatcher = field(init=False)
    evaluator: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        self.intake = Intake(self.store, self.site)
        self.evaluator = Evaluator(self)  # type: ignore[arg-type]
        self.restart()
        self.watch()

    def watch(self, *more: dict[str, Any], **settings: Any) -> None:
        """Apply a site that watches the folder for `shop` with these settings."""
        entry = {"service": "shop", "folder": str(self.folder), "settle_s": SETTLE_S, **settings}
        self.apply(logs=[entry, *more])

    def apply(self, **sections: Any) -> None:
        """Replace sections of the site."""
        self.version += 1
        self.body = {"services": {"shop": {}, "cart": {}}, "environment": "test", **self.body, **sections}

    async def site(self) -> Site:
        return read_site(self.body, self.version)

    async def rest(self, started: float, interval: Callable[[Timings], float]) -> None:
        """The tests say themselves when the next round begins."""

    def restart(self) -> None:
        """Whatever the watcher knew beyond the database is lost."""
        self.watcher = LogWatcher(self)  # type: ignore[arg-type]

    async def round(self, times: int = 1) -> None:
        for _ in range(times):
            await self.watcher.run()

    async def settle(self) -> None:
        """A round, the silence, and another round."""
        await self.round()
        await asyncio.sleep(SETTLE_S + 0.05)
        await self.round()

    async def rows(self, **asked: Any) -> list[Row]:
        """What a search finds, oldest first."""
        async with self.store.begin() as conn:
            moment = await now(conn)
            wanted = {"start": moment - timedelta(days=36500), "end": moment + timedelta(days=1), "lines_max": 50_000}
            return (await logs.search(conn, logs.Search(**{**wanted, **asked}))).lines[::-1]

    async def texts(self, **asked: Any) -> list[str]:
        return [row["text"] for row in await self.rows(**asked)]

    async def query(self, text: str) -> list[Row]:
        async with self.store.begin() as conn:
            return await (await conn.execute(text.encode())).fetchall()

    @contextlib.contextmanager
    def dying(self, point: str) -> Iterator[None]:
        """The process dies at a named point of the next round: nothing after it happens."""

        class Died(BaseException):
            pass

        def reach(name: str) -> None:
            if name == point:
                raise Died

        whole, self.crashpoints.reach = self.crashpoints.reach, reach  # type: ignore[method-assign]
        with pytest.raises(Died):
            yield
        self.crashpoints.reach = whole  # type: ignore[method-assign]
        self.restart()


@contextlib.asynccontextmanager
async def open_log_house(database: Any, folder: Path) -> AsyncIterator[LogHouse]:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        house = LogHouse(store, folder)
        work = asyncio.create_task(house.intake.run())
        yield house
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    await bus.close()


@pytest.fixture
async def house(database: Any, tmp_path: Path) -> AsyncIterator[LogHouse]:
    folder = tmp_path / "logs"
    folder.mkdir()
    async with open_log_house(database, folder) as opened:
        yield opened


@pytest.fixture
async def ward(database: Any, tmp_path: Path) -> AsyncIterator[Ward]:
    """A furnished ward: a house that heals step by step."""
    async with open_ward(database, tmp_path) as opened:
        yield opened
