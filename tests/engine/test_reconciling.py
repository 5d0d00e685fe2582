"""The database is lost, and an older copy of it takes its place: nothing acts, and what was done since is found."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.errors import NotFound, Unavailable
from engine import healing, sweeping
from engine.house import open_house
from store import embedded
from store.embedded import EmbeddedServer
from tests.conftest import SETTINGS, Database
from tests.engine.ward import Ward, open_ward, settings_of
from tests.stories.target import Target

PRIVATE = {**SETTINGS, "max_connections": "100"}


@pytest.fixture
def target() -> Iterator[Target]:
    """One target for all the wards of a test, with one log."""
    with Target() as running:
        yield running


@contextmanager
def server(data_dir: Path) -> Iterator[Database]:
    """A server of this test alone, over whatever is in the directory."""
    running: EmbeddedServer = embedded.start(data_dir, settings=PRIVATE)
    try:
        yield Database(running.url(), running.owner_url())
    finally:
        running.stop()


async def migrated(database: Database, folder: Path) -> None:
    """Open a whole house once: it brings the schema up to date."""
    async with open_house(settings_of(database, folder)):
        pass


async def state(ward: Ward, key: UUID) -> str:
    """Where an execution is, or that nobody knows it."""
    try:
        return str((await ward.execution(key))["state"])
    except NotFound:
        return "lost"


async def test_after_a_restored_backup_nothing_acts_and_what_was_lost_is_found(
    data_dir: Path, tmp_path: Path, target: Target
) -> None:
    """A real copy of the whole server's files, taken while it was down, is put back later."""
    live, backup = data_dir / "live", data_dir / "backup"
    with server(live) as database:
        await migrated(database, tmp_path)
        async with open_ward(database, tmp_path) as ward:
            await ward.aim_at(target)
            done_service, service, waiting_service = [await ward.add_service() for _ in range(3)]
            done = await ward.approved(done_service)
            await ward.execute(done)
            asked = (await ward.ask(service))["id"]
            waiting = await ward.approved(waiting_service)
    # With its owners: the server may run as another user.
    subprocess.run(["cp", "-a", live, backup], check=True)
    with server(live) as database:
        async with open_ward(database, tmp_path, before=target) as ward:
            await ward.decide(asked)
            await ward.execute(asked)
            later_service = await ward.add_service(probe_url="")
            later = await ward.approved(later_service)
            await ward.execute(later)
            assert ward.target.received(str(asked)) == ward.target.received(str(later)) == 1
    shutil.rmtree(live)
    backup.rename(live)

    with server(live) as database:
        async with open_house(settings_of(database, tmp_path)) as house, house.store.begin() as conn:
            [switch] = await (await conn.execute("SELECT * FROM switches WHERE is_on")).fetchall()
            assert (switch["name"], switch["changed_by"]) == ("observe_only", "nightshift")
            assert "2 are lost" in switch["reason"]
        async with open_ward(database, tmp_path, before=target) as ward:
            assert [await state(ward, key) for key in (asked, waiting, later)] == ["unknown", "expired", "unknown"]
            left = await ward.rows("SELECT DISTINCT state FROM approvals WHERE state IN ('pending', 'approved')")
            assert left == []
            assert [row["reason"] for row in await ward.audit(asked)][-1] == "found_in_logbook"
            found = await ward.rows("SELECT title FROM incidents WHERE title LIKE 'Lost with the database%%'")
            assert len(found) == 1, "the incident of the last action was lost too, and has a stand-in"
            again = await ward.ask(waiting_service)
            assert (again["state"], again["decision"]["guardrail"]) == ("denied", "observe_only")
            for _ in range(10):
                await ward.execute(waiting)
                await ward.run(2)
            calls = [row["key"] for row in target.log if row["event"] == "received"]
            assert calls == [str(done), str(asked), str(later)], "nothing was sent since the restore"
            # The answer is in the logbook too; whether it helped is in no signal that is left.
            assert (await ward.path(later))[-3:] == ["succeeded", "verifying", "inconclusive"]
            assert await state(ward, asked) == "ineffective", "its alert fires still"
            await ward.checked(later, happened=True)
            # A second start finds nothing new, and does not forget.
            async with open_house(settings_of(database, tmp_path)):
                assert len(await ward.rows("SELECT 1 FROM audit WHERE action = 'database.restored'")) == 1
            # Only a person lets it act again.
            await ward.rows("UPDATE switches SET is_on = false WHERE name = 'observe_only'")
            fresh = await ward.approved(waiting_service)
            await ward.run(2)
            assert ward.target.received(str(fresh)) == 1


async def test_a_copy_in_which_nothing_is_lost_is_still_a_copy(database: Any, tmp_path: Path, target: Target) -> None:
    """Somebody rejects an action; the copy from a minute before still has it waiting. Nobody may approve it there."""
    await migrated(database, tmp_path)
    async with open_ward(database, tmp_path) as ward:
        service = await ward.add_service()
        asked = (await ward.ask(service))["id"]
    name = psycopg.conninfo.conninfo_to_dict(database.url)["dbname"]
    copy = f"{name}_copy"
    administer(database, str(name), f"CREATE DATABASE {copy} TEMPLATE {name}")
    moved = Database(database.url.replace(f"/{name}", f"/{copy}"), database.owner_url.replace(f"/{name}", f"/{copy}"))
    assert moved.url != database.url
    try:
        async with open_ward(database, tmp_path, before=target) as ward:
            await ward.decide(asked, verdict="reject")
            await sweeping.sweep(ward.house)
            assert await ward.rows("SELECT 1 FROM switches WHERE is_on") == [], "the original is where it was"
        async with open_ward(moved, tmp_path, before=target) as ward:
            await sweeping.sweep(ward.house)
            assert [row["name"] for row in await ward.rows("SELECT name FROM switches WHERE is_on")] == ["observe_only"]
            assert await state(ward, asked) == "expired"
    finally:
        administer(database, str(name), f"DROP DATABASE {copy} WITH (FORCE)")


async def test_a_copy_put_under_a_running_worker_is_noticed_before_anything_is_sent(ward: Ward) -> None:
    """The epoch goes back under the feet of this very process."""
    first, second = await ward.add_service(), await ward.add_service()
    await ward.execute(await ward.approved(first))
    key = await ward.approved(second)
    await ward.rows("UPDATE epochs SET epoch = 0")
    with pytest.raises(Unavailable, match="went back"):
        await healing.execute(ward.house, str(key))
    assert ward.target.received(str(key)) == 0
    await ward.run(10)
    assert ward.target.received(str(key)) == 0
    assert await state(ward, key) in ("expired", "invalidated")
    assert [row["name"] for row in await ward.rows("SELECT name FROM switches WHERE is_on")] == ["observe_only"]


async def test_lines_that_this_machine_did_not_sign_are_not_believed(ward: Ward) -> None:
    service = await ward.add_service()
    await ward.execute(await ward.approved(service))
    book = ward.house.logbook.directory / "logbook.jsonl"
    whole = book.read_text()
    book.write_text(whole.replace('"epoch":1', '"epoch":9') + "half a li")
    async with open_house(ward.house.settings):
        assert await ward.rows("SELECT 1 FROM switches WHERE is_on") == []
    ward.house.logbook.write("answer", execution_id="x", token=1, effect="done", said="")
    assert [line["kind"] for line in ward.house.logbook.read()] == ["answer", "answer"], "a cut line swallows no other"


def administer(database: Any, name: str, statement: str) -> None:
    """As the owner, from another database."""
    with psycopg.connect(database.owner_url.replace(f"/{name}", "/postgres"), autocommit=True) as conn:
        conn.execute(statement.encode())
