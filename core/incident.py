"""An incident: the alerts of one trouble, folded, with a life of its own."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.alert import AlertClass, Severity, name_family


class IncidentState(StrEnum):
    """Where an incident is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    ESCALATED = "escalated"


class FoldReason(StrEnum):
    """Why an alert changed what it changed; stored with every fold."""

    NEW_EPISODE = "new_episode"
    REPEAT = "repeat"
    CHANGED = "changed"
    RESOLVED = "resolved"
    RESOLVED_UNKNOWN = "resolved_unknown"
    STALE_RESOLVE = "stale_resolve"
    LATE = "late"


class Priority(StrEnum):
    """How urgently people are told."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


LATE_WINDOW = timedelta(minutes=2)
SIGNATURE_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Episode:
    """What is stored of the newest episode of one alert identity.

    `ended_at` is when it ended by its sender's word, `told_at` when we heard of it: senders batch, so these differ.
    """

    open: bool
    content_hash: str
    starts_at: datetime
    ended_at: datetime | None = None
    told_at: datetime | None = None


def fold_reason(
    last: Episode | None,
    *,
    firing: bool,
    starts_at: datetime,
    content: str,
    now: datetime,
    ends_at: datetime | None = None,
) -> FoldReason:
    """Decide what one arriving alert does to the newest episode of its identity."""
    if not firing:
        return _resolve_reason(last, ends_at, now)
    if last is None:
        return FoldReason.NEW_EPISODE
    if last.open:
        return FoldReason.REPEAT if last.content_hash == content else FoldReason.CHANGED
    ended = last.ended_at or last.starts_at
    # A replica's delayed copy started before the resolve and comes soon after it; anything later is a new fire.
    if starts_at <= ended and now - (last.told_at or ended) <= LATE_WINDOW:
        return FoldReason.LATE
    return FoldReason.NEW_EPISODE


def _resolve_reason(last: Episode | None, ends_at: datetime | None, now: datetime) -> FoldReason:
    if last is None or not last.open:
        return FoldReason.RESOLVED_UNKNOWN
    # What ended before this episode began is an older one. A start in the future comes from a wrong clock, and by such
    # a clock no resolve is called stale: the alert would stay open for ever.
    if ends_at is not None and ends_at < last.starts_at <= now:
        return FoldReason.STALE_RESOLVE
    return FoldReason.RESOLVED


def priority(severities: Iterable[Severity]) -> Priority:
    """The worst severity decides."""
    worst = set(severities)
    if Severity.CRITICAL in worst:
        return Priority.P1
    return Priority.P2 if Severity.WARNING in worst else Priority.P3


def signature(names_and_classes: Iterable[tuple[str, AlertClass]], service_kind: str) -> str:
    """What all learning is keyed by: alert name family + service kind + class of the commonest alert, versioned.

    Ties are broken by name, so the order in which alerts arrived never matters.
    """
    counts = Counter((name_family(name), kind) for name, kind in names_and_classes)
    if not counts:
        return f"{SIGNATURE_VERSION}|unnamed|{service_kind}|{AlertClass.OTHER}"
    (family, kind), _ = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"{SIGNATURE_VERSION}|{family}|{service_kind}|{kind}"


def signature_class(text: str) -> AlertClass:
    """The class inside a signature."""
    return AlertClass(text.rsplit("|", 1)[-1])


def signature_family(text: str) -> str:
    """The family of alert names inside a signature; empty where there is none."""
    return text.partition("|")[2].rpartition("|")[0].rpartition("|")[0]


def title(services: Mapping[str, int], names: Mapping[str, int]) -> str:
    """A short name for people: the commonest alert on the commonest service, and how much else."""
    service, name = _commonest(services, ""), _commonest(names, "unnamed")
    others = len(names) - 1
    return name + (f" on {service}" if service else "") + (f" (+{others} more kinds)" if others > 0 else "")


def _commonest(counts: Mapping[str, int], otherwise: str) -> str:
    return min(counts.items(), key=lambda item: (-item[1], item[0]), default=(otherwise, 0))[0]
