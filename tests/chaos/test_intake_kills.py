"""Alerts stream in while `serve`, the worker and the database are killed: nothing acknowledged is lost or doubled.

`NIGHTSHIFT_CHAOS=full` makes it a long run; `NIGHTSHIFT_CHAOS_SEED` repeats one.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from store import embedded
from store.embedded import EmbeddedServer
from tests.conftest import SETTINGS, Database
from tests.stories.town import READY, Json, Town, open_town, until

# Read when the module is imported: the settings of this machine are taken away from each test.
FULL = os.environ.get("NIGHTSHIFT_CHAOS") == "full"
SEED = int(os.environ.get("NIGHTSHIFT_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
KILLS, RESTARTS = (200, 8) if FULL else (20, 2)
SETTLE_S = 300.0 if FULL else 60.0
SENDERS = 6
RETRY_S = 0.2
BATCH_MAX = 12
PAUSE_S_MAX = 0.15
BETWEEN_S = 0.2, 1.2
# How many alerts each service has: those with few open and close their incidents again and again.
SIZES = {"shop": 40, "cart": 24, "mail": 8, "search": 3, "login": 1}
EVERYBODY = [(service, number) for service, size in SIZES.items() for number in range(size)]
# Killed for real: what it acknowledged must be in its log.
DURABLE = {**SETTINGS, "synchronous_commit": "on", "max_connections": "100"}


@dataclass(frozen=True)
class Told:
    """What a sender last said about one alert; `episodes` and `fires` count what was acknowledged."""

    service: str
    number: int
    firing: bool = False
    text: str = ""
    since: datetime | None = None
    ended: datetime | None = None
    episodes: int = 0
    fires: int = 0

    @property
    def name(self) -> str:
        return f"{self.service}-{self.number}"

    def alert(self, v2: bool) -> Json:
        """As a sender writes it."""
        labels = {"alertname": f"Odd{self.number % 3}", "service": self.service, "instance": self.name}
        assert self.since
        written = {"labels": {**labels, "severity": "warning"}, "annotations": {"summary": self.text}}
        ends = self.ended if not self.firing else datetime.now(UTC) + timedelta(hours=1) if v2 else None
        times = {"startsAt": self.since.isoformat(), **({"endsAt": ends.isoformat()} if ends else {})}
        return {**written, **times, **({} if v2 else {"status": "firing" if self.firing else "resolved"})}


@dataclass
class Sender:
    """Has alerts of its own, sends one batch at a time, and the same one again until it is taken."""

    town: Town
    chance: random.Random
    mine: list[Told]
    stop: asyncio.Event
    answers: Counter[str] = field(default_factory=Counter)
    alerts: int = 0

    async def run(self) -> None:
        """Until told to stop; the last batch is taken too."""
        async with httpx.AsyncClient(trust_env=False, timeout=60.0) as client:
            while not self.stop.is_set():
                await self._deliver(client, self._next())
                await asyncio.sleep(self.chance.uniform(0, PAUSE_S_MAX))

    def _next(self) -> dict[int, Told]:
        chosen = self.chance.sample(range(len(self.mine)), k=min(len(self.mine), self.chance.randint(1, BATCH_MAX)))
        said = {at: self._goes_on(self.mine[at]) for at in chosen}
        return {at: told for at, told in said.items() if told}

    def _goes_on(self, told: Told) -> Told | None:
        """New, again, changed, over, or over once more."""
        now, dice = datetime.now(UTC), self.chance.random()
        if not told.firing:
            if dice < 0.3:
                return told if told.episodes else None
            text = f"text {self.chance.randrange(10**6)}"
            return replace(told, firing=True, text=text, since=now, episodes=told.episodes + 1, fires=told.fires + 1)
        if dice < 0.3:
            return replace(told, firing=False, ended=now)
        text = told.text if dice < 0.7 else f"text {self.chance.randrange(10**6)}"
        return replace(told, text=text, fires=told.fires + 1)

    async def _deliver(self, client: httpx.AsyncClient, said: dict[int, Told]) -> None:
        if not said:
            return
        v2 = self.chance.random() < 0.5
        alerts = [told.alert(v2) for told in said.values()]
        path, body = ("/api/v2/alerts", alerts) if v2 else ("/api/v1/webhooks/alertmanager", {"alerts": alerts})
        headers = {"Authorization": f"Bearer {self.town.keys['am']}"}
        while True:
            try:
                answer = await client.post(f"{self.town.url}{path}", json=body, headers=headers)
                word = str(answer.status_code)
            except httpx.TransportError:
                word = "broken"
            self.answers[word] += 1
            if word == "200":
                break
            await asyncio.sleep(RETRY_S)
        self.alerts += len(said)
        for at, told in said.items():
            self.mine[at] = told


@pytest.fixture
def private(data_dir: Path) -> Iterator[EmbeddedServer]:
    """A server of this test alone."""
    server = embedded.start(data_dir, settings=DURABLE)
    yield server
    server.stop()


@pytest.mark.slow
async def test_no_acknowledged_alert_is_lost_or_doubled(
    private: EmbeddedServer, data_dir: Path, tmp_path: Path
) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    stop = asyncio.Event()
    async with open_town(Database(private.url(), private.owner_url()), tmp_path) as town:
        await town.furnish(list(SIZES), timings={"lease_s": 3, "settle_s": 3600})
        everybody = [Told(*one) for one in EVERYBODY]
        chance.shuffle(everybody)
        seeds = [chance.random() for _ in range(SENDERS)]
        senders = [Sender(town, random.Random(seed), everybody[n::SENDERS], stop) for n, seed in enumerate(seeds)]
        sending = [asyncio.create_task(sender.run()) for sender in senders]
        servers: list[EmbeddedServer] = []
        try:
            await break_things(town, chance, data_dir, servers)
            stop.set()
            await asyncio.gather(*sending)
            leftovers = await settled(town)
            judge(town, senders, leftovers)
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            town.end()
            for server in servers:
                server.stop()


async def break_things(town: Town, chance: random.Random, data_dir: Path, servers: list[EmbeddedServer]) -> None:
    """Kill -9 `serve` or the worker, and stop the database at once, in a random order; each comes back."""
    port = town.url.rsplit(":", 1)[1]
    parts: dict[str, subprocess.Popen[bytes]] = {"serve": town.processes[-1], "worker": town.worker()}
    faults = ["serve", "worker"] * (KILLS // 2) + ["database"] * RESTARTS
    chance.shuffle(faults)
    await asyncio.sleep(2.0)
    for fault in faults:
        await asyncio.sleep(chance.uniform(*BETWEEN_S))
        if fault == "database":
            how = chance.choice([signal.SIGQUIT, signal.SIGKILL])  # the first is pg_ctl stop -m immediate
            [file] = data_dir.rglob("postmaster.pid")
            os.kill(int(file.read_text().splitlines()[0]), how)
            await asyncio.sleep(chance.uniform(0, 1.0))
            servers.append(await asyncio.to_thread(embedded.start, data_dir, settings=DURABLE))
            continue
        town.kill(parts[fault])
        parts[fault] = town.process("serve", "--port", port) if fault == "serve" else town.worker()
        if fault == "serve":
            await answering(town, parts[fault])  # so that each kill meets alerts under way
    # A part that gave up while the database was away is a fault; both are still there.
    dead = {name: process.returncode for name, process in parts.items() if process.poll() is not None}
    assert not dead, f"seed {SEED}: ended by itself: {dead}"


async def answering(town: Town, process: subprocess.Popen[bytes]) -> None:
    number = town.processes.index(process)

    async def said() -> bool:
        assert process.poll() is None, (town.folder / f"{number}-serve.err").read_text()[-2000:]
        return bool(READY.search((town.folder / f"{number}-serve.out").read_text()))

    await until("serve to come back", said)


async def settled(town: Town) -> dict[str, int]:
    """Wait until no work is left; what is left all the same."""
    left: dict[str, int] = {}
    end = time.monotonic() + SETTLE_S
    while time.monotonic() < end:
        await asyncio.sleep(0.5)
        [row] = town.rows(
            "SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')) AS jobs,"
            " (SELECT count(*) FROM due WHERE kind = 'resolve_incident') AS resolves,"
            " (SELECT count(*) FROM incidents WHERE resolved_at IS NULL AND firing_count = 0) AS quiet"
        )
        left = {name: number for name, number in row.items() if number}
        if not left:
            break
    return left


def judge(town: Town, senders: list[Sender], leftovers: dict[str, int]) -> None:
    """What the senders were told against what is stored."""
    answers = sum((sender.answers for sender in senders), Counter[str]())
    told = [one for sender in senders for one in sender.mine]
    acknowledged = sum(sender.alerts for sender in senders)
    rows: dict[str, list[Json]] = {}
    columns = "identity, labels->>'instance' AS who, annotations->>'summary' AS text, ended_at, occurrences, starts_at"
    for row in town.rows(f"SELECT {columns} FROM alerts ORDER BY received_at, id"):
        rows.setdefault(row["who"], []).append(row)
    episodes = sum(len(found) for found in rows.values())
    said = f"seed {SEED}: {KILLS} kills, {RESTARTS} restarts, {dict(answers)}, {acknowledged} alerts acknowledged"
    said += f", {sum(one.episodes for one in told)} episodes told, {episodes} stored"
    print(said, file=sys.stderr)

    assert set(answers) <= {"200", "503", "broken"}, said
    assert answers["broken"] > 0, f"no kill met a request: {said}"
    assert acknowledged > 10 * KILLS, f"too little was sent to mean anything: {said}"
    for one in told:
        found = rows.get(one.name, [])
        story = f"{said}: {one}, stored {found}"
        assert len({row["identity"] for row in found}) <= 1, f"two forms, two identities: {story}"
        assert len(found) == one.episodes, f"lost or doubled: {story}"
        firing = [row["text"] for row in found if row["ended_at"] is None]
        assert firing == ([one.text] if one.firing else []), f"the wrong end: {story}"
        # Who is not answered says it again, so there may be more.
        assert sum(row["occurrences"] for row in found) >= one.fires, f"too few counted: {story}"
    assert_counters(town, said)
    assert not leftovers, f"stuck: {said}: {leftovers}"
    failed = town.rows("SELECT task_name, args FROM procrastinate_jobs WHERE status = 'failed'")
    assert not failed, f"given up: {said}: {failed[:3]}"


def assert_counters(town: Town, said: str) -> None:
    """Incidents say what their alerts say, and are open exactly while one of them fires."""
    query = """
      SELECT i.number, i.state, i.resolved_at IS NULL AS open, i.firing_count, i.alert_count, count(a.id) AS alerts,
             count(a.id) FILTER (WHERE a.ended_at IS NULL) AS firing
      FROM incidents i LEFT JOIN alerts a ON a.incident_id = i.id GROUP BY i.id
    """
    incidents: list[dict[str, Any]] = town.rows(query)
    wrong = [row for row in incidents if (row["firing_count"], row["alert_count"]) != (row["firing"], row["alerts"])]
    assert not wrong, f"counters: {said}: {wrong}"
    wrong = [row for row in incidents if row["open"] != (row["firing"] > 0) or not row["alerts"]]
    assert not wrong, f"open without a reason, or the other way round: {said}: {wrong}"
