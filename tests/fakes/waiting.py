"""Waiting for what another task brings about."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], within_s: float, what: str) -> None:
    """Return as soon as it holds, or fail with what was waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not holds():
        if loop.time() > deadline:
            raise AssertionError(f"waited {within_s} s in vain for {what}")
        await asyncio.sleep(0.01)
