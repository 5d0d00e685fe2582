"""The way to the database: a pool, and units of work that wake their readers after the commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from select import POLLIN, poll
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from core.errors import BadConfiguration, Contended, Unavailable
from store.bus import Bus
from store.tail import Tail

Row = dict[str, Any]

# Classes of SQLSTATE. An error without one never came from a server: the connection is gone.
_AWAY = ("", "08", "53", "57", "58")  # connection, resources, an operator, the system below
_CONTENDED = ("40", "55")  # deadlock, serialization; a lock that was not available
_PROGRAM_LIMIT = "54"
LOCK_WAIT_MS = 5_000
HANG_MS = 8_000
"""Who does nothing for so long in the middle of a transaction loses it; a worker that is silent counts as dead then."""
BRIEF_MS = 4_000
"""The same where everybody has to pass: less than a query waits, so that those who wait outlast one that hangs."""


class Connection(AsyncConnection[DictRow]):
    """A connection that remembers which channels to wake once its transaction is committed."""

    wakes: set[str]

    def wake(self, channel: str) -> None:
        """Wake the readers of this channel after the commit."""
        self.wakes.add(channel)


@dataclass(frozen=True)
class Store:
    """The database and the live bus, open; and what is read of growing lists for all who follow one here."""

    url: str
    pool: AsyncConnectionPool[Connection]
    bus: Bus
    tails: dict[str, Tail] = field(init=False, default_factory=dict, compare=False, repr=False)

    @asynccontextmanager
    async def begin(self, *, wait_s: float | None = None, single: bool = False) -> AsyncIterator[Connection]:
        """A unit of work: one transaction; readers are woken only after it is committed.

        Waits at most `wait_s` for a free connection. A `single` statement is its own transaction, without the trips
        that begin and commit one. Raises Unavailable where the database is away, Contended where another writer won;
        every other fault of the database passes as it is.
        """
        try:
            async with self.pool.connection(timeout=wait_s) as conn:
                conn.wakes = set()
                async with nullcontext() if single else conn.transaction():
                    yield conn
                wakes = conn.wakes
        except PoolTimeout as error:
            raise Unavailable("The database pool has no free connection; try again in a moment.") from error
        except psycopg.errors.IdleInTransactionSessionTimeout as error:
            raise Contended("This took so long that the database gave it up; nothing of it was done.") from error
        except psycopg.OperationalError as error:
            kind = (error.sqlstate or "")[:2]
            if kind in _CONTENDED:
                raise Contended(f"Another writer won: {first_line(error)}") from error
            if kind not in _AWAY:
                raise
            raise Unavailable(f"The database does not answer: {first_line(error)}") from error
        if wakes:
            self.bus.wake(wakes)


@asynccontextmanager
async def open_store(url: str, bus: Bus, *, connections_max: int = 20) -> AsyncIterator[Store]:
    """Open the pool (checked once, so that a wrong address is told at start) and close it at the end."""
    pool = AsyncConnectionPool(
        url,
        connection_class=Connection,
        min_size=2,
        max_size=connections_max,
        timeout=10.0,
        open=False,
        check=_check,
        configure=_bounded,
        kwargs={"row_factory": dict_row, "application_name": "nightshift", "autocommit": True},
    )
    async with pool:
        yield Store(url, pool, bus)


async def _bounded(conn: Connection) -> None:
    """A lock that somebody holds for long must not keep callers waiting without an answer. Who hangs in the middle of a
    transaction, on a paused machine for example, must not hold its locks until somebody finds out."""
    await conn.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")
    await conn.execute(f"SET idle_in_transaction_session_timeout = {HANG_MS}")


async def be_brief(conn: AsyncConnection[DictRow], *, lock_wait_ms: int) -> None:
    """In this transaction, wait less than usual for locks, and do not keep them for long while hanging."""
    await conn.execute(
        "SELECT set_config('lock_timeout', %s, true), set_config('idle_in_transaction_session_timeout', %s, true)",
        [str(lock_wait_ms), str(BRIEF_MS)],
    )


async def _check(conn: Connection) -> None:
    """Ask the server only where there is something to read: an end that was closed; one that is well is silent."""
    waiting = poll()
    waiting.register(conn.fileno(), POLLIN)
    if waiting.poll(0):
        await AsyncConnectionPool.check_connection(conn)


def refuses_value(error: BaseException) -> bool:
    """Is it about what was sent, so that the same value fails again and its neighbours need not?"""
    return isinstance(error, psycopg.DataError) or (
        isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] == _PROGRAM_LIMIT
    )


async def check_database(url: str) -> None:
    """Refuse a database that cannot keep our promises; each refusal says what to do."""
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=10) as conn:
            cursor = await conn.execute(
                "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
                " current_setting('server_version_num')::int"
            )
            fsync, commit, version = (await cursor.fetchone()) or ("", "", 0)
    except psycopg.Error as error:
        raise BadConfiguration(f"DATABASE_URL cannot be used: {first_line(error)}") from error
    if version < 150000:
        raise BadConfiguration("PostgreSQL 15 or newer is needed; this server is older. Upgrade it.")
    if fsync != "on" or commit == "off":
        raise BadConfiguration(
            "This PostgreSQL runs with fsync or synchronous_commit off: an alert answered with 2xx could be lost. "
            "Turn both on."
        )


async def now(conn: AsyncConnection[DictRow]) -> datetime:
    """The database's clock, the only one that leases, expiry and windows use."""
    row = await one(conn, "SELECT store.now() AS now")
    moment: datetime = row["now"]
    return moment


async def one(conn: AsyncConnection[DictRow], query: Any, params: Any = None) -> Row:
    """Exactly one row."""
    row = await maybe(conn, query, params)
    assert row is not None, "the query must answer with a row"
    return row


async def maybe(conn: AsyncConnection[DictRow], query: Any, params: Any = None) -> Row | None:
    """One row or none."""
    return await (await conn.execute(query, params)).fetchone()


async def many(conn: AsyncConnection[DictRow], query: Any, params: Any = None) -> list[Row]:
    """All rows."""
    return await (await conn.execute(query, params)).fetchall()


def first_line(error: BaseException) -> str:
    """The first line of an error, for one-line messages."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
