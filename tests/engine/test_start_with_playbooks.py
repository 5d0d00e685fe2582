"""A start brings in the folder's playbooks: a bad file takes nothing down, and nothing done by hand is undone."""

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.house import open_house
from engine.settings import Settings
from store import gate, playbooks
from store.migrate import migrate
from store.people import PEOPLE
from store.pool import LOCK_WAIT_MS, Row

BOOK = "id: {id}\ntitle: {title}\naction: restart_instance\nclasses: [down]\ntier: 1\n"


async def start(database: Any, folder: Path) -> dict[str, Row]:
    """Open the house, close it again, and see what rules."""
    settings = Settings(
        database_url=database.url, database_owner_url=database.owner_url, unsafe_database=True,
        playbooks=folder / "playbooks", data_dir=folder / "data",
    )  # fmt: skip
    async with open_house(settings) as house, house.store.begin() as conn:
        return {row["id"]: row for row in await playbooks.newest(conn)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "playbooks").mkdir()
    return tmp_path


def write(folder: Path, name: str, title: str, more: str = "") -> None:
    (folder / "playbooks" / f"{name}.yaml").write_text(BOOK.format(id=name, title=title) + more)


async def test_a_bad_file_is_told_and_what_ruled_before_goes_on(
    database: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "good", "Good")
    write(folder, "other", "As it was")
    first = await start(database, folder)
    assert {"good", "other", "rollback-bad-release"} <= set(first)
    write(folder, "other", "With a slip", "tier: 2\n")
    write(folder, "good", "Better")
    rules = await start(database, folder)
    assert (rules["good"]["body"]["title"], rules["good"]["version"]) == ("Better", 2)
    assert (rules["other"]["body"]["title"], rules["other"]["version"]) == ("As it was", 1)
    said = capsys.readouterr()
    assert "other.yaml:6: 'tier' is there twice: keep one of the two" in said.out + said.err


async def test_what_a_person_withdrew_or_wrote_stays_so_after_a_start(database: Any, folder: Path) -> None:
    write(folder, "good", "Good")
    await start(database, folder)
    settings = Settings(
        database_url=database.url, database_owner_url=database.owner_url, unsafe_database=True, data_dir=folder / "data"
    )
    async with open_house(settings) as house, house.store.begin() as conn:
        await playbooks.withdraw(conn, "warm-cache", by="person:ops")
        await playbooks.withdraw(conn, "good", by="person:ops")
        mine = {**(await playbooks.version(conn, "clock-skew", 1) or {})["body"], "advice": "Ask the network people."}
        await playbooks.put(conn, "clock-skew", mine, source="api", by="person:ops")
    rules = await start(database, folder)
    assert not {"warm-cache", "good"} & set(rules)
    assert rules["clock-skew"]["body"]["advice"] == "Ask the network people."
    write(folder, "good", "Good again")
    assert (await start(database, folder))["good"]["body"]["title"] == "Good again", "somebody edited the file since"


async def test_of_two_that_start_at_once_on_an_empty_database_one_makes_the_first_admin(
    database: Any, folder: Path
) -> None:
    settings = Settings(
        database_url=database.url, database_owner_url=database.owner_url, unsafe_database=True, data_dir=folder / "data"
    )

    async def key() -> str:
        async with open_house(settings) as house:
            return house.first_key

    keys = await asyncio.gather(*[key() for _ in range(4)])
    assert len([one for one in keys if one]) == 1


async def test_a_start_does_not_wait_for_who_hangs_at_the_gate(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next worker may be all that is left to end what a paused or dead one has begun."""
    monkeypatch.setattr("store.gate.BRIEF_MS", 60_000)
    settings = Settings(
        database_url=database.url, database_owner_url=database.owner_url, unsafe_database=True, data_dir=folder / "data"
    )
    async with open_house(settings) as first, first.store.begin() as conn:
        await gate.lock(conn)
        assert await _opened(settings)


async def test_a_start_waits_for_who_hangs_in_the_first_start(database: Any, folder: Path) -> None:
    """Longer than a query waits for a lock."""
    settings = Settings(
        database_url=database.url, database_owner_url=database.owner_url, unsafe_database=True, data_dir=folder / "data"
    )
    await migrate(database.owner_url, "nightshift")
    async with await psycopg.AsyncConnection.connect(database.url) as conn:
        await conn.execute(PEOPLE["lock_house"])
        started = asyncio.create_task(_opened(settings))
        await asyncio.sleep(LOCK_WAIT_MS / 1000 + 1.0)
        assert not started.done()
        await conn.rollback()
        assert await started


async def _opened(settings: Settings) -> bool:
    async with open_house(settings):
        return True
