"""Migrations: numbered, forward only, run by the owner role under an advisory lock."""

import re
from importlib import resources

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow

from core.errors import BadConfiguration
from store.pool import first_line, one

LOCK = 0x6E69676874
_APPEND_ONLY = ("audit", "timeline")


def files() -> list[tuple[int, str]]:
    """Our migrations in order: number and text."""
    folder = resources.files("store").joinpath("schema")
    found = sorted(entry.name for entry in folder.iterdir() if re.match(r"\d{4}_\w+\.sql$", entry.name))
    return [(int(name[:4]), folder.joinpath(name).read_text("utf-8")) for name in found]


async def is_current(url: str) -> bool:
    """Is the schema at this version? Any role that may read can ask. Raises BadConfiguration for a newer schema."""
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=10) as conn:
            exists = await (await conn.execute("SELECT to_regclass('migrations') IS NOT NULL")).fetchone()
            if exists is None or not exists[0]:
                return False
            row = await (await conn.execute("SELECT max(number) FROM migrations")).fetchone()
    except psycopg.OperationalError as error:
        raise BadConfiguration(f"The database cannot be reached: {first_line(error)}") from error
    newest, known = (row[0] if row else None), files()[-1][0]
    if newest is not None and newest > known:
        raise _newer(newest, known)
    return bool(newest == known)


async def checkpoint_version(conn: AsyncConnection[DictRow]) -> int | None:
    """The version of the agent's memory tables; None before the first."""
    if (await one(conn, "SELECT to_regclass('checkpoints.checkpoint_migrations') IS NULL AS missing"))["missing"]:
        return None
    found = (await one(conn, "SELECT max(v) AS newest FROM checkpoints.checkpoint_migrations"))["newest"]
    return None if found is None else int(found)


def _newer(found: int, known: int) -> BadConfiguration:
    return BadConfiguration(
        f"The database is at schema {found}, this Nightshift knows only {known}: run the newer version."
    )


async def migrate(owner_url: str, runtime_role: str) -> bool:
    """Bring the schema to this version and let the runtime role use it; True if anything was applied.

    Raises BadConfiguration for a schema newer than this program, a missing extension, or a wrong address.
    """
    try:
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True, prepare_threshold=None) as conn:
            await conn.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                return await _migrate(conn, runtime_role)
            finally:
                await conn.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    except psycopg.errors.InsufficientPrivilege as error:
        raise BadConfiguration(
            f"This role may not change the schema ({first_line(error)}): "
            "run `nightshift migrate` with DATABASE_OWNER_URL."
        ) from error
    except psycopg.OperationalError as error:
        raise BadConfiguration(f"The database cannot be reached for migrations: {first_line(error)}") from error


async def _migrate(conn: AsyncConnection, runtime_role: str) -> bool:
    await _extensions(conn)
    await conn.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, applied_at timestamptz DEFAULT now())"
    )
    done = {row[0] for row in await (await conn.execute("SELECT number FROM migrations")).fetchall()}
    known = files()
    if done and max(done) > known[-1][0]:
        raise _newer(max(done), known[-1][0])
    # Number 0 is the job queue's own schema.
    wanted = [(0, SchemaManager.get_schema()), *known]
    pending = [(number, text) for number, text in wanted if number not in done]
    for number, text in pending:
        async with conn.transaction():
            await conn.execute(text.encode())
            await conn.execute("INSERT INTO migrations (number) VALUES (%s)", [number])
    await _grant(conn, runtime_role)
    return bool(pending)


async def _extensions(conn: AsyncConnection) -> None:
    await conn.execute("CREATE SCHEMA IF NOT EXISTS checkpoints")
    for name in ("vector", "pg_trgm"):
        try:
            await conn.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise BadConfiguration(
                f"The extension {name} is missing ({first_line(error)}). Install it on the server, or use an image "
                f"that brings it, and let the owner role create it."
            ) from error


async def _grant(conn: AsyncConnection, runtime_role: str) -> None:
    owner = conn.info.user
    if runtime_role == owner:
        return
    role = sql.Identifier(runtime_role)
    for schema in ("public", "store", "checkpoints"):
        name = sql.Identifier(schema)
        for statement in (
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
        ):
            await conn.execute(sql.SQL(statement).format(schema=name, role=role))
    # The agent's memory makes its tables later, as the same owner.
    await conn.execute(
        sql.SQL(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA checkpoints GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}"
        ).format(role)
    )
    for table in _APPEND_ONLY:
        await conn.execute(sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(sql.Identifier(table), role))
