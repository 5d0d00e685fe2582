"""New identities, from this process's clock and randomness."""

import os
import time
from uuid import UUID

from core.ids import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))
