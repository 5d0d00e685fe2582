"""The one wiring place: a straight line that opens the house, and closes it in reverse."""

import asyncio
import fcntl
import importlib
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import structlog
from psycopg.conninfo import conninfo_to_dict

from core.errors import BadConfiguration, Contended
from core.site import Site, Timings
from core.site_form import read_site
from engine.crashpoint import Crashpoints
from engine.logbook import Logbook
from engine.reconciling import reconcile
from engine.settings import Settings
from engine.voices import Voices
from ingest.intake import Intake
from ingest.playbook_file import Folder, load_playbook_files, shipped_playbooks
from ingest.site_file import load_site_file
from knowledge.embedding import Embedder, open_embedder
from store import people, playbooks, site
from store.bus import open_bus
from store.embedded import embedded
from store.migrate import is_current, migrate
from store.pool import Store, check_database, open_store
from tools.read.sources import open_logs, open_metrics

if TYPE_CHECKING:
    from agent.chat import Chats
    from agent.context import Context
    from agent.thread import Threads

log = structlog.get_logger(__name__)

SITE_FRESH_S = 1.0
READ_TIMEOUT_S = 15.0
START_PATIENCE_S = 60.0


@dataclass
class House:
    """Everything that is open. `owner` names this process in leases; `epoch_seen` is how far the database was (see
    `store/epochs.py`) when this process looked last."""

    settings: Settings
    store: Store
    owner: str
    crashpoints: Crashpoints
    embedder: Embedder | None
    client: httpx.AsyncClient
    first_key: str = ""
    epoch_seen: int = 0
    intake: Intake = field(init=False)
    logbook: Logbook = field(init=False)
    voices: Voices = field(init=False)
    _site: tuple[float, Site] | None = None
    _threads: "Threads | None" = None
    _chats: "Chats | None" = None
    _agent_opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self.intake = Intake(self.store, self.site)
        self.voices = Voices(os.environ)
        self._stack.push_async_callback(self.voices.close)
        self.logbook = Logbook(self.settings.data_dir.expanduser() / "logbook")

    async def site(self) -> Site:
        """The site as it is described now, at most a second old."""
        if self._site is None or monotonic() - self._site[0] > SITE_FRESH_S:
            async with self.store.begin() as conn:
                row = await site.newest(conn)
            version = self._site[1].version if self._site else -1
            fresh = row and row["version"] != version
            value = read_site(row["body"], row["version"]) if row and fresh else self._site[1] if self._site else Site()
            self._site = (monotonic(), value)
        return self._site[1]

    def look_again(self) -> None:
        """The site was changed in this process: whoever asks next sees it as it is now."""
        if self._site is not None:
            self._site = (float("-inf"), self._site[1])

    async def rest(self, started: float, interval: Callable[[Timings], float]) -> None:
        """Sleep until an interval since `started` (monotonic seconds) is over; a changed site counts at once."""
        # The site is a row that may change at any time, not an event to wait for.
        while (left := started + interval((await self.site()).timings) - monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, SITE_FRESH_S))

    async def context(self) -> "Context":
        """What a run of the agent is handed."""
        from agent.context import Context, ModelSettings

        now = await self.site()
        model = None
        if self.settings.model:
            key = self.settings.openai_api_key.get_secret_value()
            model = ModelSettings(self.settings.openai_base_url, key, self.settings.model)
        return Context(
            self.store,
            now,
            open_metrics(self.store, now, self.client),
            open_logs(now, self.store),
            self.embedder,
            model,
        )

    async def threads(self) -> "Threads":
        """The agent's threads of incidents. Importing them costs seconds, so it happens once, at first need, beside
        the loop."""
        async with self._agent_opening:
            if self._threads is None:
                self._threads = await self._open_agent("agent.thread", "open_threads")
            return self._threads

    async def chats(self) -> "Chats":
        """The agent's side of conversations with people, opened in the same way."""
        async with self._agent_opening:
            if self._chats is None:
                self._chats = await self._open_agent("agent.chat", "open_chats")
            return self._chats

    async def _open_agent(self, name: str, opener: str) -> Any:
        module: Any = await asyncio.to_thread(importlib.import_module, name)
        if owner_url := self.settings.database_owner_url:
            memory: Any = importlib.import_module("agent.thread")
            await memory.prepare_memory(owner_url)
        return await self._stack.enter_async_context(getattr(module, opener)(self.store.url))


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Database, schema, bus, site, playbooks, first admin; then the house is open."""
    async with AsyncExitStack() as stack:
        settings = await _database(stack, settings)
        await _schema(settings)
        bus = await open_bus(settings.database_url, settings.redis_url or None)
        stack.push_async_callback(bus.close)
        store = await stack.enter_async_context(open_store(settings.database_url, bus))
        embedder = open_embedder(
            base_url=settings.openai_base_url,
            key=settings.openai_api_key.get_secret_value(),
            model=settings.embedding_model,
        )
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=READ_TIMEOUT_S, trust_env=False))
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        house = House(settings, store, owner, Crashpoints(settings.crashpoint), embedder, client)
        await _patiently(lambda: _furnish(house))
        await _patiently(lambda: reconcile(store, house.logbook))
        stack.push_async_callback(house._stack.aclose)
        yield house


async def _database(stack: AsyncExitStack, settings: Settings) -> Settings:
    """The database that was named, or the embedded one in the data directory, for one nightshift at a time."""
    if settings.database_url:
        owner = settings.database_owner_url or settings.database_url
        if not settings.unsafe_database:
            await check_database(settings.database_url)
        return settings.model_copy(update={"database_owner_url": owner})
    data_dir = settings.data_dir.expanduser()
    _lock(stack, data_dir)
    server = await stack.enter_async_context(embedded(data_dir))
    return settings.model_copy(update={"database_url": server.url(), "database_owner_url": server.owner_url()})


def _lock(stack: AsyncExitStack, data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = stack.enter_context((data_dir / "nightshift.lock").open("w"))
    except OSError as error:
        raise BadConfiguration(
            f"The data directory {data_dir} cannot be written ({error.strerror}): choose another with --data-dir."
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BadConfiguration(
            f"Another nightshift already runs on {data_dir}: stop it, or choose another with --data-dir."
        ) from error


async def _schema(settings: Settings) -> None:
    """Bring the schema up to date; a role that may not is refused only if there is something to do."""
    if settings.database_owner_url == settings.database_url and await is_current(settings.database_url):
        return
    role = str(conninfo_to_dict(settings.database_url).get("user") or urlsplit(settings.database_url).username or "")
    if await migrate(settings.database_owner_url, role):
        log.info("schema.migrated")


async def bring_up_to_date(settings: Settings) -> None:
    """All migrations, also those of the job queue and of the agent's memory, as the owner; for `nightshift migrate`."""
    owner = settings.database_owner_url or settings.database_url
    await _schema(
        settings.model_copy(update={"database_url": settings.database_url or owner, "database_owner_url": owner})
    )
    module: Any = importlib.import_module("agent.thread")
    await module.prepare_memory(owner)


async def _patiently(work: Callable[[], Awaitable[object]]) -> None:
    """Do it once others let us: one that hangs in the middle of an action may hold a lock longer than a query waits."""
    end = monotonic() + START_PATIENCE_S
    while True:
        try:
            await work()
            return
        except Contended as error:
            if monotonic() > end:
                raise
            log.warning("start.waits", error=error.detail)


async def _furnish(house: House) -> None:
    """Apply the operator's files as versions, and make the first admin of an empty house."""
    settings = house.settings
    bodies = shipped_playbooks()
    own = load_playbook_files(settings.playbooks) if settings.playbooks else Folder((), ())
    for fault in own.faults:
        # What ruled before goes on to rule: a slip in one file must not take the house down in the night.
        log.error("playbook.not_loaded", fault=fault)
    async with house.store.begin() as conn:
        is_empty = not await people.persons(conn)
        if is_empty:
            await people.lock_house(conn)  # only then: nobody who hangs in its start may keep others from theirs
            is_empty = not await people.persons(conn)
        for source, books in ((playbooks.SHIPPED, bodies), ("file", own.bodies)):
            for body in books:
                await playbooks.bring(conn, body, source=source, by="nightshift")
        if settings.config:
            await site.apply(conn, load_site_file(settings.config), by=f"file {settings.config.name}")
        if is_empty:
            house.first_key = people.new_key()
            admin = await people.add_person(conn, "admin", "admin", by="nightshift")
            await people.add_key(conn, house.first_key, person=admin)
