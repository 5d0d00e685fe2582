"""A real store and an intake that runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.site import Service, Site
from ingest.intake import Intake
from store.bus import open_bus
from store.pool import Store, open_store

SITE = Site(1, "test", services={"shop": Service("shop", depends_on=("cart",)), "cart": Service("cart")})


@pytest.fixture
async def store(database: Any) -> AsyncIterator[Store]:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as opened:
        yield opened
    await bus.close()


@contextlib.asynccontextmanager
async def running(store: Store) -> AsyncIterator[Intake]:
    """An intake with its writers at work."""

    async def site() -> Site:
        return SITE

    intake = Intake(store, site)
    work = asyncio.create_task(intake.run())
    yield intake
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


@pytest.fixture
async def intake(store: Store) -> AsyncIterator[Intake]:
    async with running(store) as opened:
        yield opened


@pytest.fixture
def another_intake(store: Store) -> Any:
    """Opens one more intake on the same database, as a second process would."""
    return lambda: running(store)
