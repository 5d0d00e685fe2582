"""`serve --processes 3`: one house to the outside, whatever happens to its processes."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.house import SITE_FRESH_S
from tests.stories.town import START_S, Town, firing, open_town, until

NUMBER = 3
CONNECTIONS = 24
LISTENS = "0A"
COUNTED = re.compile(r'^nightshift_alerts_total\{result="new",source="am"\} (\S+)$', re.MULTILINE)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


class Firm:
    """A town whose HTTP side is a parent with several processes."""

    def __init__(self, town: Town, parent: subprocess.Popen[bytes]) -> None:
        self.town, self.parent = town, parent

    @property
    def port(self) -> int:
        return int(self.town.url.rpartition(":")[2])

    def processes(self) -> list[int]:
        pid = self.parent.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def listening(self) -> int:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == LISTENS for row in rows)

    async def all_serve(self) -> None:
        async def listen() -> bool:
            return self.listening() == NUMBER

        await until("all processes", listen, START_S)

    async def send(self, run: str) -> None:
        """New alerts, each over a connection of its own; each is answered."""

        async def one(number: int) -> httpx.Response:
            async with httpx.AsyncClient(trust_env=False, timeout=20.0) as client:
                alerts = [firing("shop", f"{run}-{number}")]
                headers = {"Authorization": f"Bearer {self.town.keys['am']}"}
                address = f"{self.town.url}/api/v1/webhooks/alertmanager"
                return await client.post(address, json={"alerts": alerts}, headers=headers)

        answers = await asyncio.gather(*[one(number) for number in range(CONNECTIONS)])
        assert [answer.json().get("new") for answer in answers] == [1] * CONNECTIONS

    async def counted(self) -> int:
        """The new alerts that any of the processes says all of them counted."""
        async with httpx.AsyncClient(trust_env=False, timeout=20.0) as client:
            headers = {"Authorization": f"Bearer {self.town.keys['admin']}"}
            answer = await client.get(f"{self.town.url}/metrics", headers=headers)
        [found] = COUNTED.findall(answer.text)
        return int(float(found))


@pytest.fixture
async def firm(database: Any, tmp_path: Path) -> AsyncIterator[Firm]:
    async with open_town(database, tmp_path, NIGHTSHIFT_PROCESSES=str(NUMBER)) as town:
        made = Firm(town, town.processes[0])
        await made.all_serve()
        await town.furnish(["shop"])
        await asyncio.sleep(SITE_FRESH_S)  # until each of them has seen the new site
        yield made


async def test_it_is_one_house_and_outlives_its_processes(firm: Firm) -> None:
    await firm.send("first")
    assert [await firm.counted() for _ in range(2 * NUMBER)] == [CONNECTIONS] * 2 * NUMBER
    incident = await firm.town.incident("shop")
    assert incident["alert_count"] == CONNECTIONS

    for pid in firm.processes()[1:]:
        os.kill(pid, signal.SIGKILL)
    await firm.send("second")  # while they are away
    before = set(firm.processes())

    async def anew() -> bool:
        return len(set(firm.processes()) - before) == NUMBER - 1

    await until("new processes", anew, START_S)
    await firm.all_serve()
    await firm.send("third")
    assert await firm.counted() == 3 * CONNECTIONS

    firm.parent.send_signal(signal.SIGTERM)
    assert await firm.town.died(firm.parent) == 0
    assert firm.listening() == 0


async def test_it_ends_with_its_parent_and_its_port_is_its_own(firm: Firm) -> None:
    rival = firm.town.process("serve", "--port", str(firm.port), "--processes", "2")
    assert await firm.town.died(rival) == 1
    assert "choose another with --port" in (firm.town.folder / "1-serve.err").read_text()
    firm.town.kill(firm.parent)

    async def gone() -> bool:
        return firm.listening() == 0

    await until("the end of its processes", gone)


async def test_a_fault_at_the_start_is_told_once(firm: Firm) -> None:
    broken = firm.town.process("serve", "--port", "0", "--processes", "3", NIGHTSHIFT_CONFIG="/nowhere.yaml")
    assert await firm.town.died(broken) == 1
    said = (firm.town.folder / "1-serve.err").read_text()
    assert said.count("nightshift: ") == 1, said
