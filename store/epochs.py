"""Epochs: which database this is, and how many intents it has committed; a logbook ahead of it knows of a later one."""

from store.pool import Connection, Row, one
from store.sql_files import Queries

EPOCHS = Queries("epochs")


async def get(conn: Connection) -> Row:
    """`database_id`, `epoch`, and `is_moved`: it was last used in another server or under another database."""
    return await one(conn, EPOCHS["get"])


async def advance(conn: Connection) -> Row:
    """Count an intent, in its transaction; `database_id` and the new `epoch`."""
    return await one(conn, EPOCHS["advance"])


async def catch_up(conn: Connection, epoch: int) -> None:
    """Never count an epoch again that a logbook has seen; and this place is where the database is from now on."""
    await conn.execute(EPOCHS["catch_up"], [epoch, epoch])
