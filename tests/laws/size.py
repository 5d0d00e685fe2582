"""How many sequences a law is tried on: 100, or 1,000 where chaos is asked for in full. No stopwatch."""

import os
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st

SEQUENCES = 1_000 if os.environ.get("NIGHTSHIFT_CHAOS") == "full" else 100
law = settings(deadline=None, max_examples=SEQUENCES)

START = datetime(2026, 3, 1, tzinfo=UTC)
LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y", "xy"]), max_size=3)


def after(seconds: float) -> datetime:
    """A moment, in seconds from the start of the law's time."""
    return START + timedelta(seconds=seconds)
