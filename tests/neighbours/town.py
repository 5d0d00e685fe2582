"""The town: the demo's shop, real Prometheus, real Alertmanager, and Nightshift as two processes, on loopback."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from evals.demo.serving import free_ports
from evals.demo.site import TIMINGS
from tests.neighbours.guide import blocks, merged

REPO = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from api.cli.main import main; main()"]
READY_S, STOP_S = 30.0, 10.0
WINDOW_S = 3
KEY = re.compile(r"ns_[A-Za-z0-9_-]{43}")
Json = dict[str, Any]


@dataclass
class Town:
    """Addresses, keys, and what runs."""

    folder: Path
    nightshift: str
    prometheus: str
    alertmanager: str
    deployer: str
    pager: str
    shop_ports: list[int]
    pricing_port: int
    replace: dict[str, str]
    environment: dict[str, str]
    client: httpx.AsyncClient
    stack: ExitStack
    token: str = "deployer-token"
    prometheus_process: "subprocess.Popen[bytes] | None" = None
    keys: dict[str, str] = field(default_factory=dict)

    def start(
        self, name: str, command: list[str], *, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a process whose output goes to NAME.out and NAME.log; it ends with the town."""
        out = self.stack.enter_context((self.folder / f"{name}.out").open("wb"))
        log = self.stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = self.stack.enter_context(
            subprocess.Popen(
                command,
                cwd=REPO,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=log,
                env={**self.environment, **(env or {})},
            )
        )
        self.stack.callback(_end, process)
        return process

    async def demo(self, name: str, *arguments: object, **env: str) -> Json:
        """Start a service of the demo; the line that it says when it is ready."""
        process = self.start(name, [sys.executable, "-m", f"evals.demo.{name}", *map(str, arguments)], env=env)
        return dict(json.loads(await self.said(name, "ready", process)))

    async def said(self, name: str, wanted: str, process: "subprocess.Popen[bytes]") -> str:
        """The first line with this word on a process' standard output."""

        async def look() -> str:
            lines = (self.folder / f"{name}.out").read_text().splitlines(keepends=True)
            found = next((line for line in lines if wanted in line and line.endswith("\n")), "")
            assert found or process.poll() is None, (self.folder / f"{name}.log").read_text()[-2000:]
            return found

        return str(await self.until(f"{name} to say {wanted!r}", look, READY_S))

    def shell(self, name: str) -> str:
        """Run a shell block of the guide, as somebody would who reads it; its standard output."""
        (script,) = blocks(name, self.replace)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=READY_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    async def until(self, what: str, look: Callable[[], Any], wait_s: float) -> Any:
        """Ask until there is an answer; fails after `wait_s`, saying what was waited for."""
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        if found := await look():
                            return found
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"waited {wait_s:.0f} s for {what}, in vain") from None

    async def get(self, path: str, **params: Any) -> Any:
        """A GET of Nightshift's API with the approver's key."""
        headers = {"Authorization": f"Bearer {self.keys['on-call']}"}
        answer = await self.client.get(f"{self.nightshift}/api/v1{path}", params=params, headers=headers)
        answer.raise_for_status()
        return answer.json()

    async def counted(self, name: str, **labels: str) -> float:
        """One of Nightshift's own figures, 0 where it was never counted."""
        headers = {"Authorization": f"Bearer {self.keys['on-call']}"}
        text = (await self.client.get(f"{self.nightshift}/metrics", headers=headers)).text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in text.splitlines() if line.startswith(name) and all(word in line for word in wanted)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    async def ask_prometheus(self, question: str) -> list[float]:
        """The values of an instant query."""
        answer = await self.client.get(f"{self.prometheus}/api/v1/query", params={"query": question})
        answer.raise_for_status()
        return [float(one["value"][1]) for one in answer.json()["data"]["result"]]

    async def firing(self) -> set[tuple[tuple[str, str], ...]]:
        """The label sets that fire, in Prometheus' own words."""
        found = (await self.client.get(f"{self.prometheus}/api/v1/alerts")).json()["data"]["alerts"]
        return {tuple(sorted(one["labels"].items())) for one in found if one["state"] == "firing"}

    async def deploy(self, version: str) -> None:
        """Release the shop."""
        headers = {"Authorization": f"Bearer {self.token}"}
        body = {"service": "shop", "version": version}
        (await self.client.post(f"{self.deployer}/deploy", json=body, headers=headers)).raise_for_status()

    def write_prometheus(self, *, doors: tuple[str, ...]) -> None:
        """prometheus.yml as the guide says it, with these of its two alertmanagers, and the town's targets."""
        config = merged("prometheus.yml", self.replace)
        both = config["alerting"]["alertmanagers"]
        by_door = {"v2" if "path_prefix" in one else "alertmanager": one for one in both}
        config["alerting"]["alertmanagers"] = [by_door[door] for door in doors]
        (scraped,) = config["scrape_configs"][0]["static_configs"]
        places = [("shop", f"shop-{n}", port) for n, port in enumerate(self.shop_ports, 1)]
        places.append(("pricing", "pricing-1", self.pricing_port))
        config["scrape_configs"][0]["static_configs"] = [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {**scraped["labels"], "service": service, "instance": instance},
            }
            for service, instance, port in places
        ]
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = ["rules.yml"]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        if self.prometheus_process:
            self.prometheus_process.send_signal(signal.SIGHUP)


@asynccontextmanager
async def open_town(folder: Path, database: Any) -> AsyncIterator[Town]:
    """Everything, started in order, ended in reverse."""
    night, prometheus, alertmanager, pricing, deployer = free_ports(5)
    with ExitStack() as stack:
        client = httpx.AsyncClient(trust_env=False, timeout=10.0)
        local = "http://127.0.0.1"
        town = Town(
            folder, f"{local}:{night}", f"{local}:{prometheus}", f"{local}:{alertmanager}", f"{local}:{deployer}",
            "", [], pricing, {}, _environment(folder, database), client, stack,
        )  # fmt: skip
        town.environment["DEPLOYER_TOKEN"] = town.token
        async with client:
            logs = folder / "logs"
            logs.mkdir()
            shop = await town.demo("shop", "--log-dir", logs, "--pricing", f"{local}:{pricing}")
            pager = await town.demo("pager", "--state-dir", folder / "state", "--port", 0)
            town.shop_ports, town.pager = shop["ports"], f"{local}:{pager['ports'][0]}"
            town.replace = {
                "http://nightshift.example:8080": town.nightshift,
                "nightshift.example:8080": f"127.0.0.1:{night}",
                "prometheus.example:9090": f"127.0.0.1:{prometheus}",
                "alertmanager.example:9093": f"127.0.0.1:{alertmanager}",
                "pager.example:9000": town.pager.removeprefix("http://"),
                "https://deploy.example": town.deployer,
                "production": "demo",
                "[1m]": "[5s]",
                "for: 1m": "for: 1s",
                "/var/log/shop": str(logs),
                **{f"/etc/{owner}": str(folder) + f"/{owner}" for owner in _OWNERS},
            }
            await _nightshift(town, night)
            await _monitoring(town, prometheus, alertmanager)
            await town.demo(
                "deployer", "--shop-ports", ",".join(map(str, town.shop_ports)), "--pricing-port", pricing,
                "--log-dir", logs, "--state-dir", folder / "state", "--port", deployer,
                NIGHTSHIFT_URL=town.nightshift, NIGHTSHIFT_CHANGES_TOKEN=town.keys["deploys"],
            )  # fmt: skip
            await town.demo("customers", "--shop-ports", ",".join(map(str, town.shop_ports)))
            yield town


_OWNERS = ("alertmanager", "prometheus", "deploy", "nightshift")


def _environment(folder: Path, database: Any) -> dict[str, str]:
    ours = ("NIGHTSHIFT_", "OPENAI_", "DATABASE_", "REDIS_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    programs = folder / "bin"
    programs.mkdir()
    (programs / "nightshift").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM[2]}" "$@"\n')
    (programs / "nightshift").chmod(0o755)
    return clean | {
        "PATH": f"{programs}:{clean['PATH']}",
        "PYTHONPATH": str(REPO),
        "DATABASE_URL": database.url,
        "DATABASE_OWNER_URL": database.owner_url,
        "NIGHTSHIFT_UNSAFE_DATABASE": "1",
    }


async def _nightshift(town: Town, port: int) -> None:
    """`serve` and `worker`, then the keys and the site file, by the guide's own commands."""
    serve = town.start("serve", [*PROGRAM, "serve", "--port", str(port)])
    first = KEY.search(await town.said("serve", "First admin's key", serve))
    assert first, "a fresh house prints the first admin's key"
    town.start("worker", [*PROGRAM, "worker"])
    for owner in _OWNERS:
        (town.folder / owner).mkdir()
    town.replace["ns_YOUR_ADMIN_KEY"] = first.group()
    town.shell("keys")
    for name, owner in (("on-call", "nightshift/on-call"), ("deploys", "deploy/nightshift")):
        town.keys[name] = (town.folder / f"{owner}.key").read_text().strip()
    town.environment |= {"NIGHTSHIFT_URL": town.nightshift, "NIGHTSHIFT_TOKEN": first.group()}
    site = _quicker(merged("site.yaml", town.replace))
    # Flapping at the end of a storm must not look like a second incident.
    site["timings"] = {**TIMINGS, "resolve_after_s": 2, "reopen_s": 60}
    (town.folder / "site.yaml").write_text(yaml.safe_dump(site))
    assert "site version" in town.shell("apply")


def _quicker(value: Any) -> Any:
    """The same site, whose questions look at seconds instead of minutes."""
    if isinstance(value, dict):
        return {name: WINDOW_S if name == "window_s" else _quicker(one) for name, one in value.items()}
    return [_quicker(one) for one in value] if isinstance(value, list) else value


async def _monitoring(town: Town, prometheus: int, alertmanager: int) -> None:
    config = merged("alertmanager.yml", town.replace)
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "1s", "group_interval": "1s"}
    (town.folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    (rules,) = blocks("rules.yml", town.replace)
    (town.folder / "rules.yml").write_text(rules)
    town.write_prometheus(doors=("alertmanager",))
    town.start(
        "alertmanager",
        ["prometheus-alertmanager", f"--config.file={town.folder}/alertmanager.yml",
         f"--storage.path={town.folder}/alertmanager-data", f"--web.listen-address=127.0.0.1:{alertmanager}",
         "--cluster.listen-address="],
    )  # fmt: skip
    town.prometheus_process = town.start(
        "prometheus",
        ["prometheus", f"--config.file={town.folder}/prometheus.yml", f"--storage.tsdb.path={town.folder}/tsdb",
         f"--web.listen-address=127.0.0.1:{prometheus}", "--rules.alert.resend-delay=1s"],
    )  # fmt: skip
    for url in (town.alertmanager, town.prometheus):
        await town.until(f"{url} to be ready", lambda url=url: _is_ready(town, url), READY_S)


async def _is_ready(town: Town, url: str) -> bool:
    return (await town.client.get(f"{url}/-/ready")).status_code == 200


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
