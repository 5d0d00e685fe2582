"""New identities, from this process's clock and randomness."""

import os
import time
from uuid import UUID

from core.ids import uuid7

_COUNTER = (1 << 24) - 1


def new_id() -> UUID:
    """A fresh UUIDv7; the part of the millisecond stands in it too, so that ids sort by when they were made."""
    unix_ms, rest_ns = divmod(time.time_ns(), 1_000_000)
    part = rest_ns * 4096 // 1_000_000
    return uuid7(unix_ms, (part << 68 | int.from_bytes(os.urandom(8), "big")).to_bytes(10, "big"))


def new_ids(count: int) -> list[str]:
    """Many of them at once as 32 hex digits each, in the order in which they sort."""
    first = new_id().int & ~_COUNTER  # the lowest bits count, all others are as random as ever
    return [f"{first + number:032x}" for number in range(count)]
