"""An alert: one condition that somebody's monitoring says is true or over."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any


class AlertStatus(StrEnum):
    """What the sender says of the condition."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How bad the sender says it is; a state of the alert, folded in the incident."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class AlertClass(StrEnum):
    """The kind of trouble, read from the alert's name; playbooks match on it."""

    DOWN = "down"
    ERRORS = "errors"
    LATENCY = "latency"
    DISK = "disk"
    MEMORY = "memory"
    CERTIFICATE = "certificate"
    BACKLOG = "backlog"
    CRASH_LOOP = "crash_loop"
    DATABASE = "database"
    DNS = "dns"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Alert:
    """A normalised alert, whatever source it came from. Times are aware UTC datetimes."""

    source: str
    identity: str
    labels: Mapping[str, str]
    status: AlertStatus
    starts_at: datetime
    ends_at: datetime | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    generator_url: str = ""

    @property
    def name(self) -> str:
        """The alert's name, `unnamed` where the source has none."""
        return self.labels.get("alertname") or "unnamed"

    @property
    def severity(self) -> Severity:
        """The severity label folded to our three; unknown words count as a warning."""
        return SEVERITY_WORDS.get(self.labels.get("severity", "").lower(), Severity.WARNING)

    @property
    def alert_class(self) -> AlertClass:
        """The kind of trouble."""
        return classify(self.labels.get("class", "") or self.name)


SEVERITY_WORDS = {
    **dict.fromkeys(("critical", "page", "fatal", "emergency", "high", "p1", "disaster"), Severity.CRITICAL),
    **dict.fromkeys(("warning", "warn", "error", "medium", "average", "p2", "p3"), Severity.WARNING),
    **dict.fromkeys(("info", "information", "low", "none", "debug", "p4", "p5"), Severity.INFO),
}


def _begins(word: str) -> str:
    """Where a word begins in `snake_case`, `CamelCase` or `CAPITALS`, since a short one is in the middle of others."""
    return rf"(?-i:(?<![A-Za-z]){word}|{word.title()}|(?<![A-Z]){word.upper()})"


def _whole(word: str) -> str:
    """The word alone: `OrdersDBDown` and `lag_seconds`, but neither `DBus` nor `Lagoon`."""
    after_capitals = r"(?=[A-Z][a-z]|[^A-Za-z]|$)"
    return rf"(?-i:(?<![A-Za-z]){word}(?![a-z])|{word.title()}(?![a-z])|(?<![A-Z]){word.upper()}(?:{after_capitals}))"


# The order is the contract: the first pattern that is found names the class.
_CLASSES: tuple[tuple[str, AlertClass], ...] = (
    (r"crash.?loop|restarting|backoff", AlertClass.CRASH_LOOP),
    # By case: the letters o-o-m are also in the middle of "TooMany", which says nothing about memory.
    (r"(?-i:OOM|Oom|(?<![A-Za-z])oom)|memory|heap", AlertClass.MEMORY),
    (r"disk|filesystem|inode|volume|storage", AlertClass.DISK),
    (rf"{_begins('cert')}(?!ain)|{_begins('tls')}|{_begins('ssl')}", AlertClass.CERTIFICATE),
    (r"dns|resolv|nxdomain", AlertClass.DNS),
    (rf"database|postgres|mysql|mongo|{_whole('db')}|connection.?pool", AlertClass.DATABASE),
    (rf"backlog|queue|{_whole('lag')}|{_begins('lagging')}|consumer", AlertClass.BACKLOG),
    (r"latency|slow|duration|p9\d|response.?time", AlertClass.LATENCY),
    (r"error|5xx|fail|exception|availability", AlertClass.ERRORS),
    (r"down|absent|unreachable|unavailable|not.?ready|missing|probe", AlertClass.DOWN),
)
CLASSIFIED_KEPT_MAX = 4096  # a house has some hundred names of alerts, and each comes again and again
_CLASS_NAMES = {kind.value: kind for kind in AlertClass}
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _CLASSES)


@lru_cache(maxsize=CLASSIFIED_KEPT_MAX)
def classify(name: str) -> AlertClass:
    """Read the kind of trouble from an alert's name or `class` label."""
    if exact := _CLASS_NAMES.get(name):
        return exact
    for pattern, kind in _PATTERNS:
        if pattern.search(name):
            return kind
    return AlertClass.OTHER


def name_family(name: str) -> str:
    """The name without a trailing number or severity: `HighErrorRate07` and `HighErrorRateCritical` are one family."""
    return _FAMILY_TAIL.sub("", name) or name


# Possessive, and only from the start of a run of separators: a name of 4000 dashes must not cost minutes.
_FAMILY_TAIL = re.compile(r"(?<![-_ ])[-_ ]*+(?:critical|warning|crit|warn)?[-_ ]*+\d*+$", re.IGNORECASE)


_FNV_OFFSET = 14695981039346656037
_FNV_PRIME = 1099511628211
_MASK = (1 << 64) - 1


def prometheus_fingerprint(labels: Mapping[str, str]) -> str:
    """Prometheus' own label fingerprint: FNV-1a (64 bit) over sorted `name 0xff value 0xff`, as 16 hex digits.

    Empty labels do not count: Prometheus treats them as absent.
    """
    value = _FNV_OFFSET
    joined = b"".join(
        name.encode() + b"\xff" + labels[name].encode() + b"\xff" for name in sorted(labels) if labels[name]
    )
    for byte in joined:
        value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return f"{value:016x}"


def alert_to_json(alert: Alert) -> dict[str, Any]:
    """An alert as plain JSON, to be looked at again later."""
    return {
        "source": alert.source,
        "identity": alert.identity,
        "labels": dict(alert.labels),
        "status": alert.status,
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat() if alert.ends_at else None,
        "annotations": dict(alert.annotations),
        "generator_url": alert.generator_url,
    }


def alert_from_json(body: Mapping[str, Any]) -> Alert:
    """The alert that `alert_to_json` wrote."""
    ends_at = datetime.fromisoformat(body["ends_at"]) if body["ends_at"] else None
    times = {"starts_at": datetime.fromisoformat(body["starts_at"]), "ends_at": ends_at}
    return Alert(**{**body, **times, "status": AlertStatus(body["status"])})
