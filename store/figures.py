"""Figures about the house itself, read when somebody asks for them: for `/metrics` and for readiness."""

from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

FIGURES = Queries("figures")


async def queue(conn: Connection) -> Row:
    """Jobs that wait and timers that are due: how many, and the age of the oldest in seconds."""
    return await one(conn, FIGURES["queue"])


async def executions(conn: Connection) -> dict[str, int]:
    """How many executions are in each state."""
    return {row["state"]: row["number"] for row in await many(conn, FIGURES["executions"])}


async def waiting(conn: Connection) -> Row:
    """What waits for people: pending approvals, and incidents that are not resolved."""
    return await one(conn, FIGURES["waiting"])


async def schema_number(conn: Connection) -> int:
    """The newest migration that was applied."""
    return int((await one(conn, FIGURES["schema_number"]))["number"])


async def worker_is_alive(conn: Connection, *, silent_s_max: float) -> bool:
    """Has any worker shown a sign of life lately?"""
    return await maybe(conn, FIGURES["worker_is_alive"], [silent_s_max]) is not None
