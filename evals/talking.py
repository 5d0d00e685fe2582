"""Conversations under load: how soon the first words come, and 500 readers of one answer who are cut off at random."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import httpx

from evals.contestants import House, database_server, nightshift
from evals.holding import judged
from evals.machine import rss_mib
from evals.scripted_model import Turn, scripted_model

QUESTIONS = 60
READERS, IDLE_WARM, IDLE_S = 500, 50, 6.0
CUT_AFTER_ROWS = (15, 120)
OVER_MS_MAX, IDLE_KIB_MAX = 25.0, 60.0
SHORT = Turn("v42 was deployed a minute before the first alert.")
LONG = Turn("The release of ten o'clock broke the checkout, as its own log shows. " * 20, pace_s=0.1)
WAIT_S = 120.0


@dataclass
class Reader:
    """One of many who read along: what it got, by number, and how often it was cut off."""

    port: int
    key: str
    path: str
    rows: list[tuple[int, bytes]] = field(default_factory=list)
    cuts: int = 0

    async def read(self, last: bytes, dice: random.Random | None) -> None:
        """Read on after every cut, up to the row that has these bytes in it."""
        while not await self._listen(last, dice.randint(*CUT_AFTER_ROWS) if dice else 0):
            self.cuts += 1

    async def _listen(self, last: bytes, patience: int) -> bool:
        """One connection, left after so many rows (0: never); True at the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            seen = self.rows[-1][0] if self.rows else 0
            writer.write(
                f"GET {self.path}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\n"
                f"Last-Event-ID: {seen}\r\n\r\n".encode()
            )
            number = 0
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    number = int(line[4:])
                elif line.startswith(b"data: "):
                    self.rows.append((number, line[6:]))
                    patience -= 1
                    if last in line:
                        return True
                    if patience == 0:
                        return False
        finally:
            writer.transport.abort()
        return False


def talking() -> Iterator[dict[str, Any]]:
    """First words, idle readers, and a crowd that is cut off."""
    script: list[Turn] = [SHORT]
    with scripted_model(lambda request: script[0]) as model, database_server() as database:
        environment = {
            "OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "test-key", "NIGHTSHIFT_MODEL": "scripted-1",
        }  # fmt: skip
        with nightshift(database, worker=True, environment=environment) as house:
            yield from _first_words(house, model)
            yield from _idle(house)
            script[0] = LONG
            yield from asyncio.run(_crowd(house))


def _first_words(house: House, model: scripted_model) -> Iterator[dict[str, Any]]:
    own = median(_asked_directly(model))
    path = f"/threads/{house.ask('POST', '/threads', {})['id']}"
    started, first, after_model = [], [], []
    url, headers = f"http://127.0.0.1:{house.port}/api/v1{path}", {"Authorization": f"Bearer {house.admin_key}"}
    with httpx.Client(trust_env=False, headers=headers, timeout=60) as asker, httpx.Client(trust_env=False) as reader:
        asker.post(f"{url}/messages", json={"text": "warm up"})
        with reader.stream("GET", f"{url}/events", headers=headers, timeout=60) as answer:
            rows = (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
            _until(rows, "run.finished")
            for number in range(QUESTIONS):
                time.sleep(0.05)
                began = time.monotonic()
                asker.post(f"{url}/messages", json={"text": f"question {number}"})
                _until(rows, "run.started")
                started.append(time.monotonic() - began)
                _until(rows, "token")
                now = time.monotonic()
                first.append(now - began)
                after_model.append(now - model.began[-1])
                _until(rows, "run.finished")
    yield {"what": "the model's own first words, p50", "value": _ms(own), "unit": "ms"}
    yield {"what": "first row of an answer (run.started), p50", "value": _ms(median(started)), "unit": "ms"}
    yield {"what": "first words, p50", "value": _ms(median(first)), "unit": "ms"}
    yield judged("first words after the model's first words, p50", _ms(median(after_model)), "ms", OVER_MS_MAX)
    p95 = quantiles(after_model, n=20)[-1]
    yield {"what": "first words after the model's first words, p95", "value": _ms(p95), "unit": "ms"}
    yield {
        "what": "question to first words, less the model's own, p50",
        "value": _ms(median(first) - own),
        "unit": "ms",
    }


def _asked_directly(model: scripted_model) -> list[float]:
    """Seconds to its first words, each over a connection of its own, as an answer has one."""
    body = {"model": "scripted-1", "stream": True, "messages": [{"role": "user", "content": "question"}]}
    headers = {"Authorization": "Bearer test-key"}
    trusted, took = httpx.create_ssl_context(), []
    for _ in range(QUESTIONS):
        with httpx.Client(trust_env=False, verify=trusted, headers=headers) as client:
            began = time.monotonic()
            with client.stream("POST", f"{model.base_url}/chat/completions", json=body) as answer:
                words = [time.monotonic() - began for line in answer.iter_lines() if '"content": "v42' in line]
            took.append(words[0])
    return took


def _until(rows: Iterator[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(row for row in rows if row["kind"] == kind)


def _idle(house: House) -> Iterator[dict[str, Any]]:
    """What a reader costs who waits for rows."""
    asyncio.run(_wait_idle(house, IDLE_WARM))
    assert house.process is not None
    before = rss_mib(house.process.pid)
    after = asyncio.run(_wait_idle(house, READERS))
    yield judged(
        f"RSS of serve per idle reader, {READERS} of them",
        round((after - before) * 1024 / READERS, 1),
        "KiB",
        IDLE_KIB_MAX,
    )


async def _wait_idle(house: House, readers: int) -> float:
    assert house.process is not None
    thread = f"/api/v1/threads/{house.ask('POST', '/threads', {})['id']}"
    crowd = [Reader(house.port, house.admin_key, thread) for _ in range(readers)]
    waiting = [asyncio.create_task(reader.read(b"no row", None)) for reader in crowd]
    await asyncio.sleep(IDLE_S)
    used = rss_mib(house.process.pid)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(3.0)
    return used


async def _crowd(house: House) -> list[dict[str, Any]]:
    """Many readers of one answer, each cut off again and again at random."""
    thread = house.ask("POST", "/threads", {})["id"]
    crowd = [Reader(house.port, house.admin_key, f"/api/v1/threads/{thread}") for _ in range(READERS)]
    await asyncio.to_thread(house.ask, "POST", f"/threads/{thread}/messages", {"text": "tell me all"})
    began = time.monotonic()
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(
            *(reader.read(b'"kind": "run.finished"', random.Random(number)) for number, reader in enumerate(crowd))
        )
    took = time.monotonic() - began
    rows = (await asyncio.to_thread(house.ask, "GET", f"/threads/{thread}/events", follow="false", limit=500))["items"]
    whole = [row["seq"] for row in rows]
    assert whole == list(range(1, len(rows) + 1)), "numbers have no gaps"
    lost = sum(len(set(whole) - {seq for seq, _ in reader.rows}) for reader in crowd)
    doubled = sum(len(reader.rows) - len({seq for seq, _ in reader.rows}) for reader in crowd)
    first = dict(crowd[0].rows)
    other = sum(text != first.get(seq) for reader in crowd for seq, text in reader.rows)
    cuts = sum(reader.cuts for reader in crowd)
    return [
        {
            "what": f"{READERS} readers of an answer of {len(rows)} rows, cuts",
            "value": cuts,
            "unit": f"in {took:.0f} s",
        },
        judged("rows lost", lost, "rows", 0),
        judged("rows doubled", doubled, "rows", 0),
        judged("rows that differ between readers", other, "rows", 0),
    ]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
