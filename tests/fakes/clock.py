"""The clock of a platform: real time, plus what a test has skipped."""

import time


class Clock:
    """Seconds since the epoch; `skip` lets windows of minutes and hours pass at once."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def now(self) -> float:
        """The time at the platform."""
        return time.time() + self.skipped_s

    def skip(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self.skipped_s += seconds
