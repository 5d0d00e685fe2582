"""A connection that died is noticed before work begins on it, and incidents that have alerts are there."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from core.errors import Contended
from store import gate, incidents
from store.bus import open_bus
from store.ids import new_id
from store.pool import Connection, Store, one, open_store


async def test_a_connection_that_the_server_closed_is_not_given_out(database: Any) -> None:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        pids = set()
        for _ in range(4):
            async with store.begin() as conn:
                pids.add(conn.info.backend_pid)
        async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
            for pid in pids:
                await owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        for _ in range(4):
            async with store.begin(single=True) as conn:
                assert (await one(conn, "SELECT 1 AS works"))["works"] == 1
                assert conn.info.backend_pid not in pids
    await bus.close()


async def test_a_single_statement_is_kept_without_a_commit_of_ours(database: Any) -> None:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        async with store.begin(single=True) as conn:
            await conn.execute("INSERT INTO switches (name, is_on, changed_by) VALUES ('x', true, 'y')")
        async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
            found = await (await owner.execute("SELECT changed_by FROM switches WHERE name = 'x'")).fetchone()
    assert found == ("y",)
    await bus.close()


async def test_alerts_are_counted_only_at_incidents_that_are_there(database: Any) -> None:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        missing = {"id": str(new_id()), "new": 1, "ended": 0, "priority": "P1", "names": {"n": 1}}
        with pytest.raises(Contended):
            async with store.begin() as conn:
                await incidents.count(conn, [missing])
    await bus.close()


async def _lock_row(conn: Connection) -> None:
    await conn.execute("INSERT INTO leases (name, owner, until) VALUES ('x', 'y', now()) ON CONFLICT DO NOTHING")


@pytest.mark.parametrize(("bound", "lock"), [("store.pool.HANG_MS", _lock_row), ("store.gate.BRIEF_MS", gate.lock)])
async def test_who_hangs_in_a_transaction_loses_it_and_its_locks(
    database: Any, monkeypatch: pytest.MonkeyPatch, bound: str, lock: Callable[[Connection], Awaitable[None]]
) -> None:
    monkeypatch.setattr(bound, 400)
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        with pytest.raises(Contended, match="nothing of it was done"):
            await _hang(store, lock)
        async with store.begin() as conn:
            assert (await one(conn, "SELECT count(*) AS n FROM switches"))["n"] == 0
    await bus.close()


async def _hang(store: Store, lock: Callable[[Connection], Awaitable[None]]) -> None:
    async with store.begin() as hanging:
        await lock(hanging)
        await hanging.execute("INSERT INTO switches (name, is_on, changed_by) VALUES ('x', true, 'y')")
        async with store.begin() as conn:
            await lock(conn)  # waits until the other is given up
        await hanging.execute("SELECT 1")
