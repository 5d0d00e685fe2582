"""A conversation over real processes: it goes on unread, is the same for everybody, and survives its worker."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx

from evals.scripted_model import Turn, scripted_model
from tests.stories.town import Json, Town, until

WORDS = "The checkout broke after a change that nobody announced; the release before it was fine. " * 4 + "That is all."
LONGER = ("and what else?", "once more?")
READERS = 5


class Talk:
    """A thread, what is asked in it, and readers of it."""

    def __init__(self, town: Town, thread_id: str) -> None:
        self.town, self.path = town, f"/threads/{thread_id}"

    async def ask(self, text: str) -> str:
        """Ask; the run's id."""
        return str((await self.town.ask("POST", f"{self.path}/messages", {"text": text}))["run_id"])

    async def rows(self) -> list[Json]:
        """What is there now."""
        return list((await self.town.ask("GET", f"{self.path}/events", follow="false", limit=500))["items"])

    async def ended(self, run: str, wait_s: float = 40.0) -> Json:
        """Wait for the last row of a run."""

        async def look() -> Json | None:
            return next((row for row in await self.rows() if row["run_id"] == run and is_last(row)), None)

        return dict(await until(f"the end of run {run}", look, wait_s))

    async def said(self, run: str) -> list[Json]:
        """The words of a run so far."""
        return [row for row in await self.rows() if row["run_id"] == run and row["kind"] == "token"]

    async def speaks(self, run: str) -> None:
        """Wait for its first words."""
        await until(f"words of run {run}", lambda: self.said(run))

    async def read(self, run: str, *, cuts: random.Random | None = None) -> list[Json]:
        """Everything up to the end of a run, as one reader gets it, who is cut off again and again where `cuts`."""
        heard: list[Json] = []
        while not heard or not (heard[-1]["run_id"] == run and is_last(heard[-1])):
            patience = cuts.randint(3, 12) if cuts else 10_000
            last = heard[-1]["seq"] if heard else 0
            async for row in stream(self.town, self.path, last):
                heard.append(row)
                patience -= 1
                if patience == 0 or (row["run_id"] == run and is_last(row)):
                    break
        return heard


def is_last(row: Json) -> bool:
    return row["kind"] in ("run.finished", "run.paused", "error")


async def stream(town: Town, path: str, last: int) -> AsyncIterator[Json]:
    """Rows of a raw stream after a number."""
    headers = {"Authorization": f"Bearer {town.keys['admin']}", "Last-Event-ID": str(last)}
    url = f"{town.url}/api/v1{path}/events"
    async with (
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        with contextlib.suppress(httpx.RemoteProtocolError):
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])


async def talk(town: Town, **about: Any) -> Talk:
    """A new conversation of the admin."""
    return Talk(town, (await town.ask("POST", "/threads", about))["id"])


async def test_a_conversation_is_one_story_for_all_readers_and_outlives_its_worker(town: Town) -> None:
    """Unread, read by many with cuts, two questions in order, cancelled, and a worker killed in the middle."""

    def script(request: Json) -> Turn:
        is_longer = any(question in str(request["messages"][-1]["content"]) for question in LONGER)
        return Turn(WORDS, pace_s=0.05 if is_longer else 0.02)

    with scripted_model(script) as server:
        model = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test-key", "NIGHTSHIFT_MODEL": "scripted-1"}
        first = town.worker(**model)
        chat = await talk(town, title="checkout")

        # Two questions at once: answered one after the other, with nobody reading the first words.
        one, two = await chat.ask("what broke?"), await chat.ask("are you sure?")
        await chat.speaks(one)
        readers = [asyncio.create_task(chat.read(two, cuts=random.Random(n) if n else None)) for n in range(READERS)]
        heard = await asyncio.gather(*readers)
        assert [row["seq"] for row in heard[0]] == list(range(1, len(heard[0]) + 1))
        assert all(other == heard[0] for other in heard[1:]), "every reader got the same rows"
        order = [(row["kind"], row["run_id"]) for row in heard[0] if row["kind"] in ("run.started", "run.finished")]
        assert order == [("run.started", one), ("run.finished", one), ("run.started", two), ("run.finished", two)]
        for run in (one, two):
            words = "".join(row["body"]["text"] for row in heard[0] if row["run_id"] == run and row["kind"] == "token")
            assert words == (await chat.ended(run))["body"]["text"] == WORDS
        asked = server.requests[-1]["messages"]
        assert any("what broke?" in str(message["content"]) for message in asked), "the thread is remembered"

        # Nobody wants the third any more.
        three = await chat.ask("and what else?")
        await chat.speaks(three)
        assert (await town.ask("POST", f"{chat.path}/cancel"))["cancelled"] is True
        end = await chat.ended(three)
        assert end["body"]["outcome"] == "cancelled"
        assert WORDS.startswith(end["body"]["text"])
        assert len(end["body"]["text"]) < len(WORDS)
        assert (await town.ask("POST", f"{chat.path}/cancel"))["cancelled"] is False

        # The worker dies while it speaks, with another question behind it.
        four, five = await chat.ask("once more?"), await chat.ask("and then?")
        await chat.speaks(four)
        town.kill(first)
        town.rows("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")  # eight seconds less
        town.worker(**model)
        end = await chat.ended(five)
        rows = await chat.rows()
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        *_, again = [row for row in rows if row["kind"] == "run.restarted" and row["run_id"] == four]
        good = [
            row["body"]["text"]
            for row in rows
            if row["run_id"] == four and row["seq"] > again["seq"] and row["kind"] == "token"
        ]
        assert "".join(good) == WORDS, "what came before the restart is void"
        assert end["body"]["text"] == WORDS
        three_rows = [row for row in rows if row["run_id"] == three]
        assert three_rows[-1]["kind"] == "run.finished", "after the end nothing is said"
