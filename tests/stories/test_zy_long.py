"""The database dies at once in the middle of a run and comes back: the worker survives, the action is not repeated."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import embedded
from store.embedded import EmbeddedServer
from tests.conftest import SETTINGS, Database
from tests.stories.target import Manner
from tests.stories.town import SHORT_LEASE_S, Town, open_town, until

# The server is killed for real here: what it acknowledged must be in its log.
PRIVATE = {**SETTINGS, "synchronous_commit": "on", "max_connections": "100"}
OUTAGE_S = 40.0


@pytest.fixture
def private(data_dir: Path) -> Iterator[EmbeddedServer]:
    """A server of this test alone."""
    server = embedded.start(data_dir, settings=PRIVATE)
    yield server
    server.stop()


def kill_database(data_dir: Path) -> None:
    """As pg_ctl stop -m immediate."""
    [file] = data_dir.rglob("postmaster.pid")
    os.kill(int(file.read_text().splitlines()[0]), signal.SIGQUIT)


async def test_a_run_survives_the_restart_of_the_database(
    private: EmbeddedServer, data_dir: Path, tmp_path: Path
) -> None:
    async with open_town(Database(private.url(), private.owner_url()), tmp_path) as town:
        await town.furnish(["shop", "later"], timings={"lease_s": SHORT_LEASE_S, "settle_s": 3600})
        worker = town.worker()
        town.target.manners["shop"] = Manner(before_s=0.3, after_s=0.7)
        alerts = [*await town.fire("shop"), *await town.fire("later")]
        execution = await town.poke("shop")
        await town.decide(execution)
        await until("the call", lambda: _received(town, execution))
        kill_database(data_dir)
        await asyncio.sleep(OUTAGE_S)  # the answer comes while there is no database to write it to
        again = await asyncio.to_thread(embedded.start, data_dir, settings=PRIVATE)
        try:
            await until("the server's readiness", lambda: _answers(town))
            await town.clear(alerts[:1])
            row = await town.reached(execution, "stable", "needs_human", "failed", wait_s=60)
            assert worker.poll() is None, "the worker is the same process as before"
            assert row["state"] == "stable"
            path = [audit["to_state"] for audit in row["audit"]]
            assert path[3:7] in (
                ["claimed", "running", "unknown", "succeeded"],
                ["claimed", "running", "succeeded", "verifying"],
            )
            assert town.target.received(execution) == 1
            # And it goes on working.
            later = await town.poke("later")
            await town.decide(later)
            await town.reached(later, "verifying", "verified", "stable")
            assert town.target.all_received() == {execution: 1, later: 1}
            town.end()
        finally:
            again.stop()


async def _received(town: Town, execution: str) -> bool:
    return town.target.received(execution) > 0


async def _answers(town: Town) -> bool:
    answer = await town.client.get(f"{town.url}/health/ready")
    return answer.status_code == 200
