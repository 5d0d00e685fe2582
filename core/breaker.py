"""The breaker of a playbook: too many failures in a while, and it is asked for no more until some of them are old."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES_MAX = 3
WINDOW_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens at `failures_max` failures within `window_s` seconds."""

    failures_max: int = FAILURES_MAX
    window_s: float = WINDOW_S

    def closes_at(self, failures: Iterable[datetime], now: datetime) -> datetime | None:
        """When it closes again; None where it is closed. It closes as soon as fewer failures are inside the window."""
        window = timedelta(seconds=self.window_s)
        recent = sorted(moment for moment in failures if moment > now - window)
        return recent[-self.failures_max] + window if 0 < self.failures_max <= len(recent) else None
