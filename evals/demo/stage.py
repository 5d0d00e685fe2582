"""The stage: every process of the demo, started in order and gone at the end, whatever happens."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from core.errors import Unavailable
from evals.demo.serving import free_ports
from evals.demo.site import demo_site
from store.embedded import embedded

READY_S = 60.0
STOP_S = 8.0
DEPLOYER_TOKEN = secrets.token_hex(16)
KEY = re.compile(r"ns_[A-Za-z0-9_-]{43}")


@dataclass
class Stage:
    """The addresses and keys of the running demo. `nightshift` is the process that may be killed."""

    folder: Path
    url: str
    deployer_url: str
    pager_url: str
    shop_ports: list[int]
    environment: Mapping[str, str]
    nightshift: asyncio.subprocess.Process
    admin_key: str = ""
    approver_key: str = ""
    started: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def kill_nightshift(self) -> None:
        """Kill -9: no goodbye, no clean-up."""
        self.nightshift.send_signal(signal.SIGKILL)
        await self.nightshift.wait()

    async def restart_nightshift(self) -> None:
        """Start it again on the same database and port."""
        self.nightshift = await _nightshift(self.folder, self.url, self.environment)
        self.started.append(self.nightshift)
        await _first_line(self.nightshift, "ready at")


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    """Database, shop, Nightshift, pager, deployer, customers; all ended in reverse."""
    async with AsyncExitStack() as stack:
        processes: list[asyncio.subprocess.Process] = []
        stack.push_async_callback(_end_all, processes)
        # Opened here as well, so that the database outlives the kill of Nightshift and ends with the demo.
        database = asyncio.create_task(stack.enter_async_context(embedded(folder / "data")))
        logs, state = folder / "logs", folder / "state"
        for one in (logs, state):
            one.mkdir(parents=True, exist_ok=True)
        pricing, deployer, port = free_ports(3)
        shop = await _service(processes, "shop", "--log-dir", str(logs), "--pricing", f"http://127.0.0.1:{pricing}")
        pager = await _service(processes, "pager", "--state-dir", str(state), "--port", "0")
        site = demo_site(shop["ports"], pricing, deployer, pager["ports"][0], logs)
        await database
        url = f"http://127.0.0.1:{port}"
        own = {"DEPLOYER_TOKEN": DEPLOYER_TOKEN}
        environment = {**_clean_environment(), **own}
        process = await _nightshift(folder, url, environment)
        processes.append(process)
        await _first_line(process, "ready at")
        key = KEY.search(await _first_line(process, "First admin's key"))
        assert key, "a fresh house prints the first admin's key"
        stage = Stage(
            folder, url, f"http://127.0.0.1:{deployer}", f"http://127.0.0.1:{pager['ports'][0]}", shop["ports"],
            environment, process, admin_key=key.group(), started=processes,
        )  # fmt: skip
        changes_key = await _people(stage)
        await _service(
            processes, "deployer", "--shop-ports", ",".join(map(str, shop["ports"])), "--pricing-port", str(pricing),
            "--log-dir", str(logs), "--state-dir", str(state), "--port", str(deployer),
            environment={**own, "NIGHTSHIFT_URL": url, "NIGHTSHIFT_CHANGES_TOKEN": changes_key},
        )  # fmt: skip
        await _shop_answers(stage)
        await _describe(stage, site)
        await _service(processes, "customers", "--shop-ports", ",".join(map(str, shop["ports"])))
        yield stage


async def _people(stage: Stage) -> str:
    """A person on call who may approve, and the deployer's key."""
    headers = {"Authorization": f"Bearer {stage.admin_key}"}
    async with httpx.AsyncClient(base_url=stage.url, headers=headers, trust_env=False) as client:
        person = await client.post("/api/v1/people", json={"name": "on-call", "role": "approver"})
        source = await client.post("/api/v1/sources", json={"name": "deployer", "kind": "changes"})
        for answer in (person, source):
            answer.raise_for_status()
    stage.approver_key = str(person.json()["key"])
    return str(source.json()["key"])


async def _describe(stage: Stage, site: Any) -> None:
    """Now that everything runs: what to scrape, which rules, which endpoints."""
    headers = {"Authorization": f"Bearer {stage.admin_key}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.put(f"{stage.url}/api/v1/site", json=site, headers=headers)).raise_for_status()


async def _shop_answers(stage: Stage) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(READY_S):
        for port in stage.shop_ports:
            while (await client.get(f"http://127.0.0.1:{port}/cart?cart=1")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def _service(
    processes: list[asyncio.subprocess.Process], name: str, *args: str, environment: Mapping[str, str] | None = None
) -> Any:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"evals.demo.{name}", *args,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        env={**_clean_environment(), **(environment or {})},
    )  # fmt: skip
    processes.append(process)
    return json.loads(await _first_line(process, "ready"))


async def _nightshift(folder: Path, url: str, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    port = url.rsplit(":", 1)[1]
    with (folder / "nightshift.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from api.cli.main import main; main()", "up", "--port", port,
            "--data-dir", str(folder / "data"),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True,
            env=dict(environment),
        )  # fmt: skip


async def _first_line(process: asyncio.subprocess.Process, wanted: str) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(READY_S):
        while line := (await process.stdout.readline()).decode():
            if wanted in line:
                return line
    raise Unavailable(f"A process of the demo ended early (exit code {await process.wait()}); see the logs it left.")


def _clean_environment() -> dict[str, str]:
    """The demo is the same everywhere: settings of a real Nightshift on this machine stay outside."""
    ours = ("NIGHTSHIFT_", "OPENAI_", "DATABASE_", "REDIS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


async def _end_all(processes: list[asyncio.subprocess.Process]) -> None:
    for process in reversed(processes):
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
    for process in reversed(processes):
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
