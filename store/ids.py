"""New identities, from this process's clock and randomness."""

import os
import time
from uuid import UUID

from core.ids import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7; the part of the millisecond stands in it too, so that ids sort by when they were made."""
    unix_ms, rest_ns = divmod(time.time_ns(), 1_000_000)
    part = rest_ns * 4096 // 1_000_000
    return uuid7(unix_ms, (part << 68 | int.from_bytes(os.urandom(8), "big")).to_bytes(10, "big"))
