"""The live bus wakes readers, over PostgreSQL and over Redis alike."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import redis.asyncio

from core.errors import Unavailable
from store.bus import PAYLOAD_BYTES_MAX, QUEUE_MESSAGES_MAX, WAKE_UP, Bus, Subscription, open_bus


class Carrier:
    """One of the two transports, with a way to cut every connection of the bus."""

    def __init__(self, database: Any, redis_url: str | None) -> None:
        self.database, self.redis_url = database, redis_url

    async def open(self) -> Bus:
        return await open_bus(self.database.url, self.redis_url)

    async def cut(self) -> None:
        if self.redis_url:
            async with redis.asyncio.Redis.from_url(self.redis_url) as client:
                for kind in ("pubsub", "normal"):
                    await client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        else:
            async with await psycopg.AsyncConnection.connect(self.database.owner_url) as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(params=["postgres", "redis"])
def carrier(request: pytest.FixtureRequest, database: Any) -> Carrier:
    return Carrier(database, request.getfixturevalue("valkey") if request.param == "redis" else None)


@pytest.fixture
async def bus(carrier: Carrier) -> AsyncIterator[Bus]:
    bus = await carrier.open()
    yield bus
    await bus.close()


async def hear(subscription: Subscription, count: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(60):
        return [await anext(subscription) for _ in range(count)]


async def test_every_subscriber_in_every_process_hears_it(bus: Bus, carrier: Carrier) -> None:
    elsewhere = await carrier.open()  # as another process would
    async with (
        bus.subscribe("incident:1") as one,
        bus.subscribe("incident:1", "fleet") as two,
        elsewhere.subscribe("incident:1") as three,
    ):
        await bus.publish("incident:1", "7")
        await elsewhere.publish("incident:1", "8: день")
        for subscription in (one, two, three):
            assert set(await hear(subscription, 2)) == {("incident:1", "7"), ("incident:1", "8: день")}
    await elsewhere.close()


async def test_other_channels_are_not_heard(bus: Bus) -> None:
    async with bus.subscribe("incident:1") as subscription:
        await bus.publish("incident:2", "not for us")
        await bus.publish("incident:1", "for us")
        assert await hear(subscription, 1) == [("incident:1", "for us")]
        assert await subscription.wait(0.1) is None


async def test_messages_of_one_writer_keep_their_order(bus: Bus) -> None:
    async with bus.subscribe("a") as subscription:
        for number in range(100):
            await bus.publish("a", str(number))
        assert [payload for _, payload in await hear(subscription, 100)] == [str(n) for n in range(100)]


async def test_a_slow_reader_gets_one_wake_up_and_holds_up_nobody(bus: Bus) -> None:
    async with bus.subscribe("a") as slow, bus.subscribe("a", "end") as quick:
        for number in range(QUEUE_MESSAGES_MAX + 1):
            await bus.publish("a", str(number))
            assert await hear(quick, 1) == [("a", str(number))]
        assert await hear(slow, 1) == [WAKE_UP]
        assert await slow.wait(0.1) is None


async def test_a_lost_connection_wakes_everyone_and_the_bus_goes_on(bus: Bus, carrier: Carrier) -> None:
    async with bus.subscribe("a") as one, bus.subscribe("b") as two:
        await bus.publish("a", "before")
        assert await hear(one, 1) == [("a", "before")]
        for _ in range(2):
            await carrier.cut()
            assert await hear(one, 1) == [WAKE_UP]
            assert await hear(two, 1) == [WAKE_UP]
            await bus.publish("b", "after")
            assert await hear(two, 1) == [("b", "after")]


async def test_publishing_while_the_connection_is_cut_does_not_fail(bus: Bus, carrier: Carrier) -> None:
    async with bus.subscribe("a") as subscription:
        await bus.publish("a", "1")
        await carrier.cut()
        await bus.publish("a", "2")
        assert (await hear(subscription, 2))[1] in (WAKE_UP, ("a", "2"))


@pytest.mark.parametrize(("channel", "payload"), [("a", "x" * PAYLOAD_BYTES_MAX), ("", "x"), ("a\x1fb", "x")])
async def test_what_the_bus_does_not_carry(bus: Bus, channel: str, payload: str) -> None:
    with pytest.raises(ValueError, match=re.escape(str(PAYLOAD_BYTES_MAX))):
        await bus.publish(channel, payload)


async def test_closing_ends_the_readers(carrier: Carrier) -> None:
    bus = await carrier.open()

    async def read() -> list[tuple[str, str]]:
        async with bus.subscribe("a") as subscription:
            return [message async for message in subscription]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await bus.publish("a", "last")
    await asyncio.sleep(0.2)
    await bus.close()
    async with asyncio.timeout(60):
        assert await reading == [("a", "last")]


async def test_the_postgres_bus_passes_a_message_in_milliseconds(database: Any) -> None:
    bus = await open_bus(database.url)
    async with bus.subscribe("a") as subscription:
        took_s = []
        for number in range(50):
            began = time.perf_counter()
            await bus.publish("a", str(number))
            await hear(subscription, 1)
            took_s.append(time.perf_counter() - began)
    await bus.close()
    assert sorted(took_s)[25] < 0.1


@pytest.mark.parametrize("redis_url", [None, "redis://127.0.0.1:1"])
async def test_a_bus_that_cannot_connect_says_so(redis_url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.bus.OPEN_TIMEOUT_S", 0.5)
    with pytest.raises(Unavailable, match="the live bus cannot connect"):
        await open_bus("postgresql://nobody@127.0.0.1:1/none", redis_url)
