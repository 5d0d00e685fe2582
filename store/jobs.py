"""Deferring jobs by task name inside the transaction that causes them; their bodies live in `engine`."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from psycopg.types.json import Jsonb

from store.pool import Connection
from store.sql_files import Queries

JOBS = Queries("jobs")
# In a storm the page of the newest incident must not stand behind what takes long, or behind counting.
PRIORITIES = {
    "send_notification": 20, "speak": 20, "page_incident": 10, "page_storm": 10,
    "run_incident": -10, "resume_incident": -10, "embed_fixes": -10, "sentry_comment": -10,
}  # fmt: skip
# What lasts for as long as somebody talks, thinks or acts has hands of its own, so that no page ever waits for it.
QUEUES = {
    "run_incident": "mind", "resume_incident": "mind", "embed_fixes": "mind", "sentry_comment": "mind",
    "execute": "hands", "answer_thread": "chat", "stream_answer": "stream",
    "speak": "voice", "follow_incident": "voice", "follow_cards": "voice",
}  # fmt: skip


async def defer(conn: Connection, task: str, *, lock: str | None = None, once: str | None = None, **args: Any) -> None:
    """Put a job into the queue; it becomes visible with the commit.

    `lock`: jobs of one lock never overlap. `once`: not put while a job of this task and lock still waits.
    """
    values = {
        "task": task, "queue": QUEUES.get(task, "default"), "priority": _priority(task), "lock": lock, "once": once,
        "args": Jsonb(args),
    }  # fmt: skip
    await conn.execute(JOBS["defer"], values)


async def at(conn: Connection, kind: str, key: str, /, *, delay_s: float, **args: Any) -> None:
    """Set (or move) the timer `kind`/`key`: the task named `kind` is deferred `delay_s` from now."""
    await conn.execute(JOBS["set_due"], {"kind": kind, "key": key, "delay": delay_s, "args": Jsonb(args)})


async def cancel(conn: Connection, kind: str, key: str) -> None:
    """Remove a timer."""
    await conn.execute(JOBS["cancel_due"], {"kind": kind, "key": key})


async def defer_many(conn: Connection, task: str, args: Sequence[Mapping[str, Any]]) -> None:
    """Put many jobs of one task into the queue."""
    await conn.execute(JOBS["defer_many"], [task, _priority(task), Jsonb(list(args))])


async def at_many(
    conn: Connection, kind: str, keyed: Sequence[tuple[str, Mapping[str, Any]]], *, delay_s: float
) -> None:
    """Set (or move) many timers of one kind; `keyed` holds key and arguments."""
    if keyed:
        rows = [{"key": key, "args": dict(args)} for key, args in keyed]
        await conn.execute(JOBS["set_due_many"], {"kind": kind, "delay": delay_s, "rows": Jsonb(rows)})


async def soon(conn: Connection, kind: str, keyed: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Have tasks of one kind done once more from now on; nothing is written for a key whose timer waits already."""
    if keyed:
        rows = [{"key": key, "args": args} for key, args in keyed]
        await conn.execute(JOBS["set_soon"], [kind, Jsonb(rows, dumps=orjson.dumps)])


async def cancel_many(conn: Connection, kind: str, keys: Sequence[str]) -> None:
    """Remove many timers of one kind."""
    if keys:
        await conn.execute(JOBS["cancel_due_many"], [kind, list(keys)])


async def take_due(conn: Connection, *, rows_max: int = 500) -> int:
    """Turn what is due into jobs, in this transaction; how many there were."""
    values = {"rows_max": rows_max, "priorities": Jsonb(PRIORITIES), "queues": Jsonb(QUEUES)}
    cursor = await conn.execute(JOBS["take_due"], values)
    return cursor.rowcount


def _priority(task: str) -> int:
    return PRIORITIES.get(task, 0)
