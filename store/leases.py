"""Leadership of singletons: a row with an owner, an end by the database's clock, and a token that only grows."""

from store.pool import Connection, maybe
from store.sql_files import Queries

LEASES = Queries("leases")


async def lead(conn: Connection, name: str, owner: str, *, lease_s: float) -> int | None:
    """Take or keep the lease; the fencing token, or None while somebody else leads."""
    row = await maybe(conn, LEASES["lead"], {"name": name, "owner": owner, "lease_s": lease_s})
    return int(row["token"]) if row else None


async def release(conn: Connection, name: str, owner: str) -> None:
    """Give the lease back at a clean end, so that the next leader need not wait."""
    await conn.execute(LEASES["release"], {"name": name, "owner": owner})
