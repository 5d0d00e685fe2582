"""Stored log lines answer like files: by service and time, in order, with what belongs to them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.site import LogFile, Site
from store import logs
from store.bus import open_bus
from store.pool import Store, open_store
from tools.read import stored_logs
from tools.read.logs import LogLines
from tools.read.sources import open_logs

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SITE = Site(logs=(LogFile("shop", folder="/var/log/shop"), LogFile("cart", pattern="/nowhere/*.log")))


@pytest.fixture
async def store(database: Any) -> AsyncIterator[Store]:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as opened:
        yield opened
    await bus.close()


async def keep(store: Store, file: str, *lines: tuple[float, str], service: str = "shop") -> None:
    """Lines by second; one that begins with a space follows the one before it."""
    texts = [text for _, text in lines]
    chunk = logs.Chunk(
        service, "prod", file, [NOW.timestamp() + second for second, _ in lines], ["error"] * len(lines),
        [text.startswith(" ") for text in texts], texts, sum(map(len, texts)),
    )  # fmt: skip
    async with store.begin() as conn:
        await logs.insert(conn, [chunk])


async def read(store: Store, start: float, end: float, service: str = "shop") -> LogLines:
    source = open_logs(SITE, store)
    return await source.lines(service, NOW + timedelta(seconds=start), NOW + timedelta(seconds=end))


async def test_lines_of_all_files_come_in_order_with_what_belongs_to_them(store: Store) -> None:
    await keep(store, "a.log", (1, "one"), (1, "  at f()"), (5, "five"), (9, "nine"))
    await keep(store, "b.log", (1, "other"), (1, "  at g()"), (3, "three"), (3, "three again"))
    await keep(store, "c.log", (2, "of another service"), service="cart")
    answer = await read(store, 1, 9)
    assert answer.lines == ("one\n  at f()", "other\n  at g()", "three", "three again", "five")
    assert not answer.cut


async def test_no_lines_come_with_the_reason(store: Store) -> None:
    assert "no line of shop was read from its watched folders yet" in (await read(store, 0, 9)).reason
    await keep(store, "a.log", (99, "late"))
    assert (await read(store, 0, 9)).reason == "no line with a time in that range"
    assert "no file matches" in (await read(store, 0, 9, "cart")).reason, "what is not watched is looked at as it lies"


async def test_the_newest_lines_are_kept_and_that_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_logs, "LINES_MAX", 3)
    await keep(store, "a.log", *[(n, f"line {n}") for n in range(9)])
    answer = await read(store, 0, 9)
    assert answer.lines == ("line 6", "line 7", "line 8")
    assert answer.cut
    assert "only the last 3 lines" in answer.reason


async def test_a_search_finds_the_newest_wherever_they_lie(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks overlap in time: an older one may hold a newer line than the next."""
    monkeypatch.setattr(logs, "STEP_BYTES", 1)
    for n in range(6):
        await keep(store, "a.log", (n, f"low {n}"), (100 - n, f"high {n}"))
    async with store.begin() as conn:
        wanted = logs.Search(NOW, NOW + timedelta(seconds=200), lines_max=4)
        assert [row["text"] for row in (await logs.search(conn, wanted)).lines] == [f"high {n}" for n in range(4)]
        few = logs.Search(NOW, NOW + timedelta(seconds=5), words=("LOW",), lines_max=2)
        assert [row["text"] for row in (await logs.search(conn, few)).lines] == ["low 4", "low 3"]


async def test_a_search_is_bounded_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "STEP_BYTES", 1)
    monkeypatch.setattr(logs, "SEARCHED_BYTES_MAX", 100)
    for n in range(9):
        await keep(store, "a.log", (n, f"line {n}"))
    async with store.begin() as conn:
        found = await logs.search(conn, logs.Search(NOW, NOW + timedelta(seconds=9)))
        assert 0 < len(found.lines) < 9
        assert found.lines[0]["text"] == "line 8"
        assert "256 MiB" in found.reason
        monkeypatch.setattr(logs, "CHUNKS_MAX", 2)
        monkeypatch.setattr(logs, "SEARCHED_BYTES_MAX", 10_000)
        found = await logs.search(conn, logs.Search(NOW, NOW + timedelta(seconds=9)))
        assert [row["text"] for row in found.lines] == ["line 8", "line 7"]
        assert "only 2 pieces" in found.reason


async def test_signs_of_patterns_are_words(store: Store) -> None:
    await keep(store, "a.log", (1, "100% of a_b \\ done"), (2, "1000 of aXb done"))
    for word in ("100%", "a_b", "\\"):
        async with store.begin() as conn:
            found = await logs.search(conn, logs.Search(NOW, NOW + timedelta(seconds=9), words=(word,)))
        assert [row["text"] for row in found.lines] == ["100% of a_b \\ done"]
