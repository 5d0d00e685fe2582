"""How much of a crowd one bot listens to: whoever finds it in Telegram can write to it.

A bot may say so much a minute and no more, and what it says to a crowd it cannot say about an incident.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

PER_ACCOUNT_MAX = 20
"""Messages of one account that are listened to in a window."""
STRANGERS_MAX = 20
"""Answers to whoever is nobody here in a window, all of them together."""
WINDOW_S = 60.0


@dataclass
class Crowd:
    """What was heard and answered since the window began; it begins anew every WINDOW_S."""

    clock: Callable[[], float] = monotonic
    _began: float = 0.0
    _heard: Counter[str] = field(default_factory=Counter)
    _answered: int = 0

    def is_loud(self, account: str) -> bool:
        """Count a message; has this account written too many by now?"""
        self._renew()
        self._heard[account] += 1
        return self._heard[account] > PER_ACCOUNT_MAX

    def may_answer(self) -> bool:
        """Count an answer to a stranger; is there room for it?"""
        self._renew()
        self._answered += 1
        return self._answered <= STRANGERS_MAX

    def _renew(self) -> None:
        if self.clock() - self._began >= WINDOW_S:
            self._began, self._answered = self.clock(), 0
            self._heard.clear()
