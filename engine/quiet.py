"""Who leads here listens for what has become quiet: heartbeats that are absent, alerts that nobody repeats."""

import asyncio
from time import monotonic

from engine.heartbeats import sweep_heartbeats
from engine.house import House
from engine.staleness import sweep_stale

HEARTBEATS_EVERY_S = 5.0
STALE_EVERY_S = 60.0


class Quiet:
    """One process leads; nothing is remembered here that a new leader would miss."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stale_at = 0.0

    async def run(self) -> None:
        """One round, then a pause."""
        if monotonic() >= self._stale_at:
            self._stale_at = monotonic() + STALE_EVERY_S
            await sweep_stale(self._house)
        await sweep_heartbeats(self._house)
        await asyncio.sleep(HEARTBEATS_EVERY_S)
