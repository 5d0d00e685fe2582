"""Who is measured: Nightshift's `serve` over a durable PostgreSQL of its own, and Debian's Alertmanager in memory."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import httpx
import psycopg

from evals.demo.serving import free_port
from store import embedded

CLI = [sys.executable, "-c", "from api.cli.main import main; main()"]
ALERTMANAGER = "prometheus-alertmanager"
ROUTES = """\
route: {receiver: none, group_by: [alertname, cluster], group_wait: 30s}
receivers: [{name: none}]
"""
READY_S, STOP_S = 60.0, 15.0
ADDRESS = re.compile(r"ready at http://[^:\s]+:(\d+)")
KEY = re.compile(r"ns_[A-Za-z0-9_-]{43}")


@dataclass
class Side:
    """What a load needs to know of a server."""

    port: int
    key: str = ""
    pids: list[int] = field(default_factory=list)


def has_alertmanager() -> bool:
    """Is Debian's package there?"""
    return shutil.which(ALERTMANAGER) is not None


@contextmanager
def alertmanager() -> Iterator[Side]:
    """One receiver that tells nobody, no gossip."""
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder:
        (Path(folder) / "routes.yml").write_text(ROUTES)
        port = free_port()
        command = [
            ALERTMANAGER, f"--config.file={folder}/routes.yml", f"--storage.path={folder}/data", "--log.level=warn",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ]  # fmt: skip
        with _running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            _until_ready(f"http://127.0.0.1:{port}/-/ready", process)
            yield Side(port, pids=[process.pid])


@dataclass
class House:
    """A database, `serve` over it and, if wanted, a worker."""

    server: embedded.EmbeddedServer
    database: str
    folder: Path
    stack: contextlib.ExitStack
    admin_key: str = ""
    machine_key: str = ""
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def side(self) -> Side:
        """For a load: `serve`, and the database with all its backends."""
        [file] = self.server.data_dir.rglob("postmaster.pid")
        assert self.process is not None
        return Side(self.port, self.machine_key, [self.process.pid, int(file.read_text().split("\n", 1)[0])])

    def serve(self) -> float:
        """Start `serve`; seconds until it says that it is ready, by its own health."""
        began = perf_counter()
        said = self.folder / f"serve-{time.time_ns()}.out"
        with said.open("wb") as out:
            self.process = self.stack.enter_context(self._part("serve", "--port", str(self.port), stdout=out))
        while not (address := ADDRESS.search(said.read_text())):
            if self.process.poll() is not None or perf_counter() - began > READY_S:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            sleep(0.01)
        self.port = int(address.group(1))
        _until_ready(f"http://127.0.0.1:{self.port}/health/ready", self.process)
        took = perf_counter() - began
        if not self.admin_key:
            sleep(0.1)  # the key is on the next line
            self.admin_key = KEY.findall(said.read_text())[0]
            self.machine_key = self.ask("POST", "/sources", {"name": "bench", "kind": "alertmanager"})["key"]
        return took

    def worker(self) -> None:
        """Start a worker beside it."""
        self.stack.enter_context(self._part("worker", stdout=subprocess.DEVNULL))

    def stop(self) -> None:
        """End `serve`."""
        assert self.process is not None
        _end(self.process)

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """One request of the admin."""
        answer = httpx.request(
            method, f"http://127.0.0.1:{self.port}/api/v1{path}", json=body, params=params, trust_env=False,
            headers={"Authorization": f"Bearer {self.admin_key}"}, timeout=60,
        )  # fmt: skip
        return answer.raise_for_status().json()

    def database_connection(self) -> psycopg.Connection[Any]:
        """As the owner: for counts, and for a history that is written at once."""
        return psycopg.connect(self.server.owner_url(self.database), autocommit=True)

    def _part(self, *words: str, stdout: Any) -> contextlib.AbstractContextManager["subprocess.Popen[bytes]"]:
        addresses = {
            "DATABASE_URL": self.server.url(self.database),
            "DATABASE_OWNER_URL": self.server.owner_url(self.database),
        }
        ours = ("NIGHTSHIFT_", "OPENAI_", "REDIS_", "SENTRY_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        log = self.stack.enter_context((self.folder / "log").open("ab"))
        return _running([*CLI, *words], env=clean | addresses | dict(self.environment), stdout=stdout, stderr=log)


@contextmanager
def database_server() -> Iterator[embedded.EmbeddedServer]:
    """The embedded PostgreSQL with the settings that it has for everybody: every commit is on the disk."""
    folder = Path(tempfile.mkdtemp(prefix="ns-bench-"))
    folder.chmod(0o755)
    server = embedded.start(folder)
    try:
        yield server
    finally:
        server.stop()
        embedded.remove(folder)


@contextmanager
def nightshift(
    server: embedded.EmbeddedServer, *, worker: bool = False, environment: Mapping[str, str] | None = None
) -> Iterator[House]:
    """`serve` over a fresh database, which is dropped afterwards."""
    name = f"bench_{time.time_ns()}"
    with psycopg.connect(server.owner_url("postgres"), autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(server.owner_url(name), autocommit=True) as connection:
            for extension in ("vector", "pg_trgm"):
                connection.execute(f"CREATE EXTENSION {extension}".encode())
        try:
            with contextlib.ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nightshift-bench-")))
                house = House(server, name, folder, stack, environment=environment or {})
                house.serve()
                if worker:
                    house.worker()
                yield house
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _running(command: list[str], **how: Any) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **how)
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    end, last = perf_counter() + READY_S, "no answer"
    while perf_counter() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(url, trust_env=False)
            if answer.status_code == 200:
                return
            last = answer.text
        sleep(0.02)
    raise TimeoutError(f"{url} did not get ready: {last}")
