"""New, changed and ended alerts: the core decides, incidents are joined or opened, everything in whole batches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.alert import Alert, AlertStatus, content_hash
from core.incident import Episode, FoldReason, fold_reason, priority, signature, title
from core.resource import Place, place_of
from core.site import Site
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
# What a copy of the same alert counts as, right after it.
COPIES_COUNTED_AS = {"new": "repeats", "changed": "repeats", "resolved": "ignored"}


@dataclass
class _Tally:
    """What a batch adds to one incident."""

    new: list[Alert] = field(default_factory=list)
    changed: int = 0
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
    for incident_id, tally in sorted(tallies.items()):
        await _count(conn, site, incident_id, tally)
    return [COUNTED_AS[reason] for reason in reasons]


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
        tallies[known[one.alert.identity]["incident_id"]].changed += 1
    over = [one.alert for one in by_reason[FoldReason.RESOLVED]]
    ends = [{"identity": a.identity, "ends_at": a.ends_at.isoformat() if a.ends_at else None} for a in over]
    for row in await alerts.end(conn, ends):
        tallies[row["incident_id"]].ended += 1
    fresh = by_reason[FoldReason.NEW_EPISODE]
    if fresh:
        homes = await _homes(conn, site, [one.alert for one in fresh])
        rows = []
        for one, (place, incident_id) in zip(fresh, homes, strict=True):
            rows.append(_new_row(one, place, incident_id))
            tallies[incident_id].new.append(one.alert)
        await alerts.insert(conn, rows)
    return tallies


async def _homes(conn: Connection, site: Site, fresh: Sequence[Alert]) -> list[tuple[Place, UUID]]:
    """The place of each new alert, and the incident that it joins or opens."""
    topology = site.topology
    places = [_placed(alert, site) for alert in fresh]
    wanted = {place.group_key: place for place in places}
    joins = {key: [key, *_neighbour_keys(place, topology.neighbours(place.service))] for key, place in wanted.items()}
    every_key = sorted({key for keys in joins.values() for key in keys})
    found: dict[str, Row] = {}
    for row in await incidents.open_for(conn, every_key, reopen_s=site.timings.reopen_s):
        found.setdefault(row["group_key"], row)
    home: dict[str, UUID] = {}
    for key in sorted(wanted):
        joined = next((found[k] for k in joins[key] if k in found), None)
        if joined is None:
            first = [alert for alert, place in zip(fresh, places, strict=True) if place.group_key == key]
            joined = await _open(conn, site, first, wanted[key])
        elif joined["resolved_at"] is not None:
            await _reopen(conn, site, joined)
        found[joined["group_key"]] = {**joined, "resolved_at": None}
        home[key] = joined["id"]
    return [(place, home[place.group_key]) for place in places]


def _placed(alert: Alert, site: Site) -> Place:
    """Own services without an environment label live in the site's environment."""
    labels = alert.labels
    if labels.get("service") in site.services and not (labels.get("environment") or labels.get("env")):
        labels = {**labels, "environment": site.environment}
    return place_of(labels)


def _neighbour_keys(place: Place, neighbours: frozenset[str]) -> list[str]:
    return [Place(place.environment, place.cluster, name, "").group_key for name in sorted(neighbours)]


async def _open(conn: Connection, site: Site, first: Sequence[Alert], place: Place) -> Row:
    started: datetime = min(alert.starts_at for alert in first)
    kind = site.service(place.service).kind
    row = await incidents.create(
        conn,
        {
            "id": new_id(),
            "priority": priority(alert.severity for alert in first),
            "group_key": place.group_key,
            "environment": place.environment,
            "cluster": place.cluster,
            "service": place.service,
            "title": title({place.service: len(first)}, _names(first)),
            "signature": signature([(alert.name, alert.alert_class) for alert in first], kind),
            "started_at": started,
        },
    )
    body = {"number": row["number"], "service": place.service, "first_alert": first[0].name}
    await timeline.append(conn, row["id"], "incident.opened", reason=FoldReason.NEW_EPISODE, body=body)
    # The page goes out at once; the investigation waits until the storm has settled a little.
    await jobs.defer(conn, "page_incident", incident_id=str(row["id"]), kind="page")
    await jobs.at(conn, "run_incident", str(row["id"]), delay_s=site.timings.settle_s, incident_id=str(row["id"]))
    return row


async def _reopen(conn: Connection, site: Site, row: Row) -> None:
    if not await incidents.reopen(conn, row["id"]):
        return
    incident_id = str(row["id"])
    await timeline.append(conn, row["id"], "incident.reopened", reason=FoldReason.NEW_EPISODE)
    await jobs.defer(conn, "page_incident", incident_id=incident_id, kind="reopened")
    await jobs.at(conn, "run_incident", incident_id, delay_s=site.timings.settle_s, incident_id=incident_id)


async def _count(conn: Connection, site: Site, incident_id: UUID, tally: _Tally) -> None:
    urgency = priority(alert.severity for alert in tally.new) if tally.new else None
    row = await incidents.count(conn, incident_id, new=len(tally.new), ended=tally.ended, priority=urgency)
    body = {
        "new": len(tally.new),
        "changed": tally.changed,
        "ended": tally.ended,
        "firing": row["firing_count"],
        "total": row["alert_count"],
        "names": _names(tally.new),
    }
    await timeline.append(conn, incident_id, "alerts.folded", body=body)
    key = str(incident_id)
    if row["firing_count"] == 0:
        await jobs.at(conn, "resolve_incident", key, delay_s=site.timings.resolve_after_s, incident_id=key)
    elif tally.new:
        await jobs.cancel(conn, "resolve_incident", key)


def _names(batch: Sequence[Alert]) -> dict[str, int]:
    names: dict[str, int] = defaultdict(int)
    for alert in batch:
        names[alert.name] += 1
    return dict(names)


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
