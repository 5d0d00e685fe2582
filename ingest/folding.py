"""New, changed and ended alerts: the core decides, incidents are joined or opened, everything in whole batches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.alert import Alert, AlertStatus, alert_to_json, content_hash
from core.incident import LATE_WINDOW, Episode, FoldReason, fold_reason, priority
from core.resource import Place
from core.site import Site
from ingest.joining import find_homes, names_of, tell_worse
from store import alerts, incidents, jobs, timeline
from store.ids import new_id
from store.pool import Connection, Row, now

COUNTED_AS = {
    FoldReason.NEW_EPISODE: "new",
    FoldReason.REPEAT: "repeats",
    FoldReason.CHANGED: "changed",
    FoldReason.RESOLVED: "resolved",
    FoldReason.RESOLVED_UNKNOWN: "ignored",
    FoldReason.STALE_RESOLVE: "ignored",
    FoldReason.LATE: "late",
}
RESOLVES = (FoldReason.RESOLVED, FoldReason.RESOLVED_UNKNOWN)
LATE_MARGIN_S = 1.0
# What a copy of the same alert counts as, right after it.
COPIES_COUNTED_AS = {"new": "repeats", "changed": "repeats", "resolved": "ignored"}


@dataclass
class _Tally:
    """What a batch adds to one incident."""

    new: list[Alert] = field(default_factory=list)
    changed: list[Alert] = field(default_factory=list)
    ended: int = 0


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An alert, the hash of what it says, and how many copies of it came."""

    alert: Alert
    content: str
    copies: int


async def fold_rest(
    conn: Connection, site: Site, batch: Sequence[Alert], copies: Sequence[int] | None = None
) -> list[str]:
    """Fold alerts that are no exact repeats, no identity twice; the counted kind of each, in order."""
    await alerts.lock_fold(conn)
    moment = await now(conn)
    known = await alerts.newest(conn, [alert.identity for alert in batch])
    numbers = copies or [1] * len(batch)
    arrivals = [_Arrival(alert, content_hash(alert), n) for alert, n in zip(batch, numbers, strict=True)]
    reasons = [
        fold_reason(
            _episode(known.get(one.alert.identity)),
            firing=one.alert.status is AlertStatus.FIRING,
            starts_at=one.alert.starts_at,
            ends_at=one.alert.ends_at,
            content=one.content,
            now=moment,
        )
        for one in arrivals
    ]
    by_reason: dict[FoldReason, list[_Arrival]] = defaultdict(list)
    for one, reason in zip(arrivals, reasons, strict=True):
        by_reason[reason].append(one)
    tallies = await _write(conn, site, by_reason, known)
    await _look_again(conn, by_reason)
    if tallies:
        await _count(conn, site, tallies)
    return [COUNTED_AS[reason] for reason in reasons]


async def _look_again(conn: Connection, by_reason: Mapping[FoldReason, list[_Arrival]]) -> None:
    """A late fire is a replica's old copy, or its sender knows better: if no resolve follows, it counts after all."""
    over = [one.alert.identity for why in RESOLVES for one in by_reason[why]]
    await jobs.cancel_many(conn, "late_alert", over)
    late = [(one.alert.identity, {"alert": alert_to_json(one.alert)}) for one in by_reason[FoldReason.LATE]]
    await jobs.at_many(conn, "late_alert", late, delay_s=LATE_WINDOW.total_seconds() + LATE_MARGIN_S)


def _episode(row: Row | None) -> Episode | None:
    if row is None:
        return None
    return Episode(
        row["ended_at"] is None, row["content_hash"], row["starts_at"], row["ended_at"], row["last_received_at"]
    )


async def _write(
    conn: Connection,
    site: Site,
    by_reason: Mapping[FoldReason, list[_Arrival]],
    known: Mapping[str, Row],
) -> dict[UUID, _Tally]:
    tallies: dict[UUID, _Tally] = defaultdict(_Tally)
    repeats = {one.alert.identity: (one.content, one.copies) for one in by_reason[FoldReason.REPEAT]}
    if repeats:
        await alerts.touch(conn, repeats)
    changed = by_reason[FoldReason.CHANGED]
    await alerts.change(conn, [_content_row(one) for one in changed])
    for one in changed:
        tallies[known[one.alert.identity]["incident_id"]].changed.append(one.alert)
    over = [one.alert for one in by_reason[FoldReason.RESOLVED]]
    ends = [{"identity": a.identity, "ends_at": a.ends_at.isoformat() if a.ends_at else None} for a in over]
    for row in await alerts.end(conn, ends):
        tallies[row["incident_id"]].ended += 1
    fresh = by_reason[FoldReason.NEW_EPISODE]
    if fresh:
        homes = await find_homes(conn, site, [one.alert for one in fresh])
        rows = []
        for one, (place, incident_id) in zip(fresh, homes, strict=True):
            rows.append(_new_row(one, place, incident_id))
            tallies[incident_id].new.append(one.alert)
        await alerts.insert(conn, rows)
    return tallies


async def _count(conn: Connection, site: Site, tallies: Mapping[UUID, _Tally]) -> None:
    """Counters, one timeline row an incident, and the timer of the resolve, each in one statement."""
    rows = [
        {
            "id": str(incident_id),
            "new": len(tally.new),
            "ended": tally.ended,
            "priority": priority(a.severity for a in arrived) if (arrived := [*tally.new, *tally.changed]) else None,
        }
        for incident_id, tally in sorted(tallies.items())
    ]
    told: list[dict[str, Any]] = []
    over: list[str] = []
    alive: list[str] = []
    for row in await incidents.count(conn, rows):
        tally, key = tallies[row["id"]], str(row["id"])
        body = {
            "new": len(tally.new),
            "changed": len(tally.changed),
            "ended": tally.ended,
            "firing": row["firing_count"],
            "total": row["alert_count"],
            "names": names_of(tally.new),
        }
        told.append({"incident_id": key, "kind": "alerts.folded", "reason": "", "body": body})
        (over if row["firing_count"] == 0 else alive).append(key)
        if row["priority"] < row["before"]:
            await tell_worse(conn, row["id"], row["priority"])
    await timeline.append_many(conn, told)
    delay_s = site.timings.resolve_after_s
    await jobs.at_many(conn, "resolve_incident", [(key, {"incident_id": key}) for key in over], delay_s=delay_s)
    await jobs.cancel_many(conn, "resolve_incident", alive)


def _content_row(arrival: _Arrival) -> dict[str, Any]:
    alert = arrival.alert
    return {
        "identity": alert.identity,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "severity": alert.severity,
        "class": alert.alert_class,
        "generator_url": alert.generator_url,
        "content_hash": arrival.content,
        "occurrences": arrival.copies,
    }


def _new_row(arrival: _Arrival, place: Place, incident_id: UUID) -> dict[str, Any]:
    alert = arrival.alert
    return {
        **_content_row(arrival),
        "id": str(new_id()),
        "incident_id": str(incident_id),
        "source": alert.source,
        "name": alert.name,
        "environment": place.environment,
        "cluster": place.cluster,
        "service": place.service,
        "resource_id": place.resource_id,
        "starts_at": alert.starts_at.isoformat(),
    }
