"""Durations as people type them: `90s`, `2h`, `1d12h`."""

import re

from api.cli.client import BROKEN, Trouble

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(?:\d{1,6}[smhd])+")


def seconds(text: str) -> float:
    """A duration such as `90s`, `2h` or `1d12h`, in seconds. Raises Trouble."""
    if not _DURATION.fullmatch(text):
        raise Trouble(f"{text!r} is no duration: write numbers with s, m, h or d, such as 30m or 1d12h.", BROKEN)
    return float(sum(int(part[:-1]) * UNITS_S[part[-1]] for part in re.findall(r"\d+[smhd]", text)))
