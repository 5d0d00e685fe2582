"""What becomes of an action after its approval, as it happens."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from uuid import UUID

from core.execution import SETTLED, State
from store import tail, timeline
from store.pool import Row, Store

NEWS = frozenset({"execution.changed", "verdict"})
ENOUGH = frozenset({*SETTLED, State.VERIFIED})
"""Where somebody who waits has an answer; that it stays good is seen later."""


async def follow_execution(
    store: Store,
    incident_id: UUID,
    execution_id: UUID,
    after: int,
    *,
    wait_s: float,
    still: Callable[[], Awaitable[bool]],
) -> AsyncGenerator[Row, None]:
    """The timeline rows about one execution after number `after`, until it has an outcome, `wait_s` are over, or
    `still` says that nobody may listen any more."""
    end = time.monotonic() + wait_s
    async with aclosing(tail.batches(store, timeline.source(incident_id), after)) as found:
        async for rows in found:
            for row in (kept.row for kept in rows):
                if row["kind"] in NEWS and row["body"].get("execution_id") == str(execution_id):
                    yield row
                    if row["kind"] == "execution.changed" and row["body"]["to"] in ENOUGH:
                        return
            if time.monotonic() >= end or not await still():
                return
