"""Named points at which a test may kill this process; without the setting they do nothing."""

import os
import signal
from collections import Counter


class Crashpoints:
    """Counts the passings of each name; at the chosen one the process dies at once, as by kill -9."""

    def __init__(self, setting: str) -> None:
        name, _, number = setting.partition(":")
        self._name = name
        self._number = int(number or "1") if name else 0
        self._passed: Counter[str] = Counter()

    def reach(self, name: str) -> None:
        """Pass a point."""
        if name == self._name:
            self._passed[name] += 1
            if self._passed[name] == self._number:
                os.kill(os.getpid(), signal.SIGKILL)
