"""How often something may happen: a sliding window, strict to the millisecond."""

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

SLACK_S = 0.005  # a client that waits exactly one second may be early by its timer's rounding


@dataclass(frozen=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float


class Windows:
    """One sliding window for each key."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, deque[float]] = {}

    def wait_s(self, key: Hashable, rate: Rate, now: float) -> float:
        """How long until one more may come, 0 if it may come now."""
        seen = self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - rate.seconds + SLACK_S:
            seen.popleft()
        return 0.0 if len(seen) < rate.count else seen[len(seen) - rate.count] + rate.seconds - now

    def note(self, key: Hashable, now: float) -> None:
        """One more came."""
        self._seen.setdefault(key, deque()).append(now)


def whole_seconds(wait_s: float) -> int:
    """Both platforms tell a wait in whole seconds, at least one."""
    return max(1, math.ceil(wait_s - SLACK_S))
