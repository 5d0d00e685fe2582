"""The front door over a real house: uvicorn on loopback, a fresh database, and keys for everybody."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn

from api.access import Role
from api.app import build_app
from core.site import Service, Site
from engine.settings import Settings
from engine.voices import Voices
from ingest.intake import Intake
from store import people, sources
from store.bus import open_bus
from store.people import new_key
from store.pool import Store, open_store


@dataclass
class House:
    """What the application needs of an open house."""

    store: Store
    settings: Settings = field(default_factory=Settings)
    client: httpx.AsyncClient | None = None  # its site has no channel that is called or spoken in
    voices: Voices = field(default_factory=lambda: Voices({}))
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.intake = Intake(self.store, self.site)

    async def site(self) -> Site:
        return Site(1, "test", services={"shop": Service("shop")})

    def look_again(self) -> None:
        """Its site never changes."""


@dataclass
class Door:
    """A running server and the keys that open it."""

    house: House
    app: Any
    port: int
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.house.store

    def client(self, holder: str | None = None) -> httpx.AsyncClient:
        """A client with the key of a role or of a source's name."""
        headers = {"Authorization": f"Bearer {self.keys[holder]}"} if holder else {}
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading them takes longer than a request
        url = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=30, verify=no_certificates)

    async def post(self, path: str, body: Any, holder: str | None = "prometheus", **headers: str) -> httpx.Response:
        """Post JSON, or bytes as they are."""
        async with self.client(holder) as client:
            given = {"content": body} if isinstance(body, bytes) else {"json": body}
            return await client.post(path, headers=headers, **given)

    async def get(self, path: str, holder: str | None = "viewer") -> httpx.Response:
        async with self.client(holder) as client:
            return await client.get(path)

    async def rows(self, query: Any, *params: Any) -> list[dict[str, Any]]:
        async with self.store.begin() as conn:
            return await (await conn.execute(query, params or None)).fetchall()

    async def add_source(self, name: str, kind: str, **settings: Any) -> None:
        self.keys[name] = new_key()
        async with self.store.begin() as conn:
            source = await people.add_source(conn, name, kind, by="test")
            await people.add_key(conn, self.keys[name], source=source)
            await sources.configure(conn, source, settings)


@pytest.fixture
async def house(database: Any) -> AsyncIterator[House]:
    """A store on a fresh database, and an intake that runs."""
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        house = House(store)
        work = asyncio.create_task(house.intake.run())
        yield house
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    await bus.close()


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """Serve an application on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


@pytest.fixture
async def door(house: House) -> AsyncIterator[Door]:
    """The application, served, with a person of each role and a source of each kind."""
    app = build_app(house, body_bytes_max=1024 * 1024, body_read_s=1.0)
    async with served(app) as port:
        door = Door(house, app, port)
        for role in Role:
            if role is not Role.MACHINE:
                door.keys[role] = new_key()
                async with house.store.begin() as conn:
                    person = await people.add_person(conn, f"the {role}", role, by="test")
                    await people.add_key(conn, door.keys[role], person=person)
        await door.add_source("prometheus", "alertmanager")
        await door.add_source("shopmon", "generic")
        await door.add_source("deployer", "changes")
        await door.add_source("scraper", "metrics")
        yield door
