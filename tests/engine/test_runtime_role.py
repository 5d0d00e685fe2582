"""In production the schema belongs to one role and the program runs as another, which may change nothing of it."""

from typing import Any

import psycopg
import pytest

from core.errors import BadConfiguration
from engine.house import bring_up_to_date, open_house
from engine.settings import read_settings


async def test_the_runtime_role_alone_opens_a_migrated_house(database: Any) -> None:
    await bring_up_to_date(read_settings(database_url=database.url, database_owner_url=database.owner_url))
    settings = read_settings(database_url=database.url, unsafe_database=True)
    async with open_house(settings) as house:
        assert await house.threads()
        assert house.first_key.startswith("ns_")


async def test_the_runtime_role_is_told_who_has_to_migrate(database: Any) -> None:
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        await owner.execute("DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)")
    with pytest.raises(BadConfiguration, match="nightshift migrate"):
        async with open_house(read_settings(database_url=database.url, unsafe_database=True)):
            pass


async def test_a_newer_schema_is_refused(database: Any) -> None:
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        await owner.execute("INSERT INTO migrations (number) VALUES (9999)")
    with pytest.raises(BadConfiguration, match="9999"):
        async with open_house(read_settings(database_url=database.url, unsafe_database=True)):
            pass


@pytest.mark.parametrize("table", ["audit", "timeline"])
@pytest.mark.parametrize("who", ["url", "owner_url"])
async def test_nobody_rewrites_what_happened(database: Any, table: str, who: str) -> None:
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        await owner.execute("INSERT INTO audit (actor, action, subject) VALUES ('a', 'b', 'c')")
    async with await psycopg.AsyncConnection.connect(getattr(database, who), autocommit=True) as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await conn.execute(f"TRUNCATE {table}")
        if table == "audit":
            for change in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await conn.execute(change)
