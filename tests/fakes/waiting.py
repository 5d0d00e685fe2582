"""Waiting for what another task brings about."""

import asyncio
from collections.abc import Callable

PATIENCE_S = 30.0  # at least: a busy machine is no failure, and where all is well nobody waits


async def until(holds: Callable[[], bool], within_s: float, what: str) -> None:
    """Return as soon as it holds, or fail with what was waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(within_s, PATIENCE_S)
    while not holds():
        if loop.time() > deadline:
            raise AssertionError(f"waited {within_s} s in vain for {what}")
        await asyncio.sleep(0.01)
