"""What platforms delivered already: updates, clicks, signed posts; each counts once."""

from store.pool import Connection, maybe
from store.sql_files import Queries

HEARD_UPDATES = Queries("heard_updates")
KEEP_S = 7 * 86_400.0
DELIVERY_CHARS_MAX = 300


async def is_new(conn: Connection, channel: str, delivery: str) -> bool:
    """Is this the first time? Whoever asks at the same moment waits for this transaction and then is not the first.

    Where this transaction is rolled back it was never heard. The caller says what kind of delivery it is
    (`update:17`, `post:5f2c...`); `click:` and `order:` belong to the desk.
    """
    return await maybe(conn, HEARD_UPDATES["hear"], [channel, delivery[:DELIVERY_CHARS_MAX]]) is not None


async def forget(conn: Connection) -> int:
    """Drop what is a week old; how many that were."""
    return (await conn.execute(HEARD_UPDATES["forget"], [KEEP_S])).rowcount
