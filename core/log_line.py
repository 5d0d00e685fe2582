"""One line of a log: when it was written, how bad it says it is, and what of it the service wrote itself."""

import re
from datetime import UTC, datetime
from enum import StrEnum

from core.plain_text import cut, visible

SHOWN_CHARS_MAX = 220
LEVEL_CHARS_MAX = 400
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?")
# Where a line begins to hold what a stranger sent; nothing behind that point is ever trusted or shown.
_STRANGER = re.compile(
    r'"|\b(?:user.?agent|agent|ua|referr?er|path|uri|url|query|params|body|form)\s*[=:]', re.IGNORECASE
)
_OWN_FAILURE = re.compile(
    r"\b[A-Z][A-Za-z]*(?:Error|Exception|Unavailable|Timeout|Refused|Failure|Fault)\b|\bTraceback\b|\bpanic:"
)
_SET = re.compile(r"=\S+")


class LogLevel(StrEnum):
    """How bad a line says it is; `none` where it says nothing that we know."""

    NONE = "none"
    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"


_NAMES = {
    **{level.value: level for level in LogLevel if level is not LogLevel.NONE},
    "notice": LogLevel.INFO, "warning": LogLevel.WARN, "err": LogLevel.ERROR, "severe": LogLevel.ERROR,
    "critical": LogLevel.FATAL, "crit": LogLevel.FATAL, "panic": LogLevel.FATAL, "emerg": LogLevel.FATAL,
}  # fmt: skip
# As a word in capitals, or as the value of a field in any case; a word in a sentence is no level.
_LEVEL = re.compile(
    rf"\b(?:level|lvl|severity)\"?\s?[=:]\s?\"?(?i:({'|'.join(_NAMES)}))\b|\b({'|'.join(n.upper() for n in _NAMES)})\b"
)


def time_of(line: str) -> datetime | None:
    """The time that a line begins with; one without a zone is taken as UTC."""
    found = _TIME.match(line)
    if not found:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone or '+00:00'}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):  # no such day; or a zone that leads out of the calendar
        return None


def level_of(line: str) -> LogLevel:
    """The first level that the beginning of a line names."""
    found = _LEVEL.search(line, 0, LEVEL_CHARS_MAX)
    return _NAMES[(found[1] or found[2]).lower()] if found else LogLevel.NONE


def is_outsiders(line: str) -> bool:
    """Could a stranger have caused and filled this line? Not where the service names its own failure first."""
    stranger = _STRANGER.search(line)
    # A value such as a route may have come from a stranger too, so a failure only counts outside of values.
    return stranger is not None and not _OWN_FAILURE.search(_SET.sub("=", line[: stranger.start()]))


def own_words(line: str) -> str:
    """The part of a line that the service wrote itself, without the time, for showing."""
    stranger = _STRANGER.search(line)
    own = line[: stranger.start()] + "…" if stranger else line
    parts = own.split(None, 1)
    rest = parts[1] if len(parts) == 2 and time_of(parts[0]) else own
    return cut(visible(" ".join(rest.split())), SHOWN_CHARS_MAX)
