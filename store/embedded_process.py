"""The processes of an embedded PostgreSQL: initdb once, the server, and its end."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import psycopg

from store.embedded_place import EmbeddedStartFailed, Place, private, runnable

OWNER, DATABASE = "nightshift_owner", "nightshift"
START_TIMEOUT_S = 120.0  # crash recovery of a large log on a slow disk
STOP_TIMEOUT_S = 30.0
STALE_RETRY_S = 15.0  # how long the leftovers of a killed server may stand in the way
LOG_BYTES_MAX = 5_000_000  # a longer log is emptied at the next start
_LEFTOVERS = ("lock file", "pre-existing shared memory", "could not lock")
_children: list[subprocess.Popen[bytes]] = []  # kept so that a killed server of ours can be reaped


class State(Enum):
    """What answers on the socket."""

    DOWN, BUSY, BARE, READY = range(4)  # BARE: it answers, but our database is not complete


def probe(place: Place) -> State:
    """Ask the server how far it is: one connection, about 4 ms."""
    try:
        with psycopg.connect(place.url(DATABASE, OWNER), connect_timeout=10) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_extension WHERE extname IN ('vector', 'pg_trgm')"
            ).fetchone()
            return State.READY if row == (2,) else State.BARE
    except psycopg.OperationalError as error:
        if "FATAL" not in str(error):  # it is the server that says FATAL; without one, nobody answered
            return State.DOWN
        return State.BARE if "does not exist" in str(error) else State.BUSY


def _spawn(place: Place, log: int, command: list[str | Path]) -> subprocess.Popen[bytes]:
    """Run as the account, in its own session (Ctrl-C is ours), without our environment (it holds secrets)."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        env=kept | {"LC_ALL": "C"},
        start_new_session=True,
        user=place.account.uid if place.account else None,
        group=place.account.gid if place.account else None,
        extra_groups=[] if place.account else None,
    )
    _children.append(child)
    return child


def launch(place: Place, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the server, wait until it answers; else EmbeddedStartFailed with the last lines of its log."""
    programs = runnable(place.account)
    log = os.open(place.at(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(log).st_size > LOG_BYTES_MAX:
            os.ftruncate(log, 0)
        if not place.at().exists():
            _initialise(place, programs, log, durable=settings.get("fsync") != "off")
        fixed = {"listen_addresses": "", "unix_socket_directories": str(place.sockets), "port": "5432"}
        options = [part for name, value in {**settings, **fixed}.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [programs / "postgres", "-D", place.at(), *options]
        began = time.monotonic()
        while True:
            _forget_dead_postmaster(place)
            said_before = os.fstat(log).st_size
            child = _spawn(place, log, command)
            while child.poll() is None and time.monotonic() < began + START_TIMEOUT_S:
                if probe(place) in (State.READY, State.BARE):
                    return child
                time.sleep(0.02)
            said = place.at(".log").read_bytes()[said_before:].decode(errors="replace")
            leftovers = any(sign in said for sign in _LEFTOVERS)
            if child.poll() is None or not leftovers or time.monotonic() > began + STALE_RETRY_S:
                child.kill()
                child.wait()
                raise failed(place, said)
            time.sleep(0.2)
    finally:
        os.close(log)


def _initialise(place: Place, programs: Path, log: int, *, durable: bool) -> None:
    """Create the cluster beside its place and move it there when whole, so that a killed start can repeat."""
    fresh = place.at(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    private(fresh, place.account)
    sync = ["--sync-method=syncfs"] if sys.platform == "linux" else []
    locale = "--locale-provider=builtin --builtin-locale=C.UTF-8 --no-locale -E UTF8"
    flags = f"--auth=trust --no-instructions {locale}"
    said_before = os.fstat(log).st_size
    command: list[str | Path] = [
        programs / "initdb",
        "-D",
        fresh,
        "-U",
        OWNER,
        *flags.split(),
        *(sync if durable else ["--no-sync"]),
    ]
    if _spawn(place, log, command).wait(START_TIMEOUT_S) != 0:
        raise failed(place, place.at(".log").read_bytes()[said_before:].decode(errors="replace"))
    fresh.rename(place.at())


def failed(place: Place, said: str) -> EmbeddedStartFailed:
    """The error for a server that said this before it ended."""
    last = " | ".join(line.strip() for line in said.splitlines()[-5:] if line.strip())
    return EmbeddedStartFailed(f"embedded PostgreSQL did not start; see {place.at('.log')}: {last or 'no answer'}")


def _postmaster_pid(place: Place) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((place.at() / "postmaster.pid").read_text().splitlines()[0])
    return None


def _forget_dead_postmaster(place: Place) -> None:
    """Clear what makes a dead server look alive: an unreaped child, or a pid of something else."""
    for child in _children[:]:
        if child.poll() is not None:
            _children.remove(child)
    pid = _postmaster_pid(place)
    if pid is None:
        return
    with contextlib.suppress(OSError):  # adopted by us, when we are process 1 of a container
        os.waitpid(pid, os.WNOHANG)
    if _worn_by_another(pid):
        # Only the pid is replaced, by an impossible one: PostgreSQL still checks the shared memory.
        file = place.at() / "postmaster.pid"
        file.write_text("\n".join(["99999999", *file.read_text().splitlines()[1:]]) + "\n")


def _worn_by_another(pid: int) -> bool:
    """Whether this pid is surely no PostgreSQL: another program or an unreaped zombie. Linux only."""
    process = Path(f"/proc/{pid}")
    try:
        return not (process / "exe").readlink().name.startswith("postgres")
    except FileNotFoundError:
        return process.exists()
    except OSError:
        return False


def shut_down(place: Place) -> None:
    """End the server: politely, then at once (it recovers at the next start)."""
    pid = _postmaster_pid(place)
    if pid is None or probe(place) is State.DOWN:  # never signal a pid that may be someone else's by now
        return
    for how in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        if _gone(place, pid):
            break
    with contextlib.suppress(OSError):
        place.sockets.rmdir()


def _gone(place: Place, pid: int) -> bool:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    child = next((child for child in _children if child.pid == pid), None)
    while time.monotonic() < deadline:
        if child and child.poll() is not None:
            return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if child is None and not (place.at() / "postmaster.pid").exists():
            deadline = min(deadline, time.monotonic() + 2)  # may stay a zombie of a process that does not wait
        time.sleep(0.01)
    return not (place.at() / "postmaster.pid").exists()
