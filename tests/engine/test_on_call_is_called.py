"""A step that names `on-call` calls whoever the rota says, over their own channel where they have one."""

import itertools
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from core.site import Channel, Site
from engine.escalating import escalate_incident
from store import people, rotas, teams
from store.bus import open_bus
from store.ids import new_id
from store.pool import now, open_store

CHANNELS = [Channel(name, "webhook", f"http://127.0.0.1:9/{name}") for name in ("pager", "early", "on-call")]
WEEK = [{"from": "mon 00:00", "to": "mon 00:00", "people": ["early"]}]
BODY = {"zone": "UTC", "first_day": "2020-01-06", "shifts": WEEK}


@pytest.fixture
async def house(database: Any) -> Any:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        channels = list(CHANNELS)

        async def site() -> Site:
            return Site(channels=tuple(channels))

        async with store.begin() as conn:
            for name in ("early", "lead"):
                await people.add_person(conn, name, "responder", by="test")
        yield SimpleNamespace(store=store, site=site, channels=channels)
    await bus.close()


async def called(house: Any, service: str) -> tuple[set[str], dict[str, Any]]:
    """A P1 that began six minutes ago and that nobody took up: over which channels who is called."""
    async with house.store.begin() as conn:
        incident_id = new_id()
        opened = await now(conn) - timedelta(minutes=6)
        await conn.execute(
            "INSERT INTO incidents (id, priority, group_key, environment, cluster, service, title, signature,"
            " started_at, opened_at) VALUES (%s, 'P1', %s, 'e', 'c', %s, 't', 's', %s, %s)",
            [incident_id, str(incident_id), service, opened, opened],
        )
    await escalate_incident(house, str(incident_id))
    async with house.store.begin() as conn:
        told = await conn.execute("SELECT body FROM timeline WHERE incident_id = %s", [incident_id])
        bodies = [row["body"] for row in await told.fetchall()]
        sent = await conn.execute("SELECT channel FROM notifications WHERE incident_id = %s", [incident_id])
        channels = {row["channel"] for row in await sent.fetchall()}
    assert len(bodies) == 1, "the first call was the page, the third is not due"
    return channels, bodies[0]


async def test_without_a_rota_the_channel_that_is_named_so_is_taken(house: Any) -> None:
    assert await called(house, "checkout") == ({"on-call"}, {"who": "on-call", "call": 2})


async def test_with_a_rota_the_person_is_named_and_their_channel_taken(house: Any) -> None:
    async with house.store.begin() as conn:
        await rotas.add(conn, "house", team=None, fallback="lead", body={**BODY, "shifts": []}, by="test")
        await teams.add(conn, "payments", purpose="", members=["early"], services=["checkout"], by="test")
        await rotas.add(conn, "payments", team="payments", fallback="lead", body=BODY, by="test")
    assert await called(house, "checkout") == ({"early"}, {"who": "on-call", "call": 2, "person": "early"})
    # The house's rota falls back on somebody without a channel of their own: then the one for whoever is on call.
    assert await called(house, "search") == ({"on-call"}, {"who": "on-call", "call": 2, "person": "lead"})
    for gone in itertools.islice(reversed(CHANNELS), 2):
        house.channels.remove(gone)
    assert (await called(house, "search"))[0] == {"pager"}, "else over all"
