"""What becomes of an action after its approval, as it happens."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

from core.execution import SETTLED, State
from store import timeline
from store.pool import Row, Store

NEWS = frozenset({"execution.changed", "verdict"})
ENOUGH = frozenset({*SETTLED, State.VERIFIED})
"""Where somebody who waits has an answer; that it stays good is seen later."""
REREAD_S = 2.0
ROWS_AT_ONCE_MAX = 500


async def follow_execution(
    store: Store,
    incident_id: UUID,
    execution_id: UUID,
    after: int,
    *,
    wait_s: float,
    still: Callable[[], Awaitable[bool]],
) -> AsyncIterator[Row]:
    """The timeline rows about one execution after number `after`, until it has an outcome, `wait_s` are over, or
    `still` says that nobody may listen any more."""
    end = time.monotonic() + wait_s
    async with store.bus.subscribe(timeline.channel(incident_id)) as wakes:
        while time.monotonic() < end and await still():
            async with store.begin() as conn:
                rows = await timeline.after(conn, incident_id, after, rows_max=ROWS_AT_ONCE_MAX)
            for row in rows:
                after = row["seq"]
                if row["kind"] not in NEWS or row["body"].get("execution_id") != str(execution_id):
                    continue
                yield row
                if row["kind"] == "execution.changed" and row["body"]["to"] in ENOUGH:
                    return
            if len(rows) == ROWS_AT_ONCE_MAX:
                continue
            try:
                async with asyncio.timeout(REREAD_S):
                    await anext(wakes)
            except TimeoutError:
                continue
            except StopAsyncIteration:  # the house closes
                return
