"""Aggregation: many alerts of one resource within a minute become one aggregate; each of them is kept."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.burst import Arrival, Burst, BurstLimits, BurstReason, Recent, aggregate, as_one
from core.resource import UNKNOWN
from engine.house import House
from store import aggregates, jobs, timeline
from store.aggregates import Position
from store.ids import new_id
from store.pool import Connection, Row

ALERTS_MAX = 1_000  # at one time


async def aggregate_alerts(house: House, incident_id: str) -> None:
    """Look at the alerts of an incident that nobody has looked at yet."""
    site = await house.site()
    async with house.store.begin() as conn:
        await look(conn, UUID(incident_id), site.limits.aggregation)


async def look(conn: Connection, incident_id: UUID, limits: BurstLimits) -> None:
    """Place the next alerts, in the order of their receipt; what is left after that has a job of its own."""
    position = await aggregates.lock_position(conn, incident_id)
    rows = await aggregates.alerts_after(conn, incident_id, position, rows_max=ALERTS_MAX)
    if not rows:
        return
    by_resource: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["resource_id"] != UNKNOWN:
            by_resource[row["resource_id"]].append(row)
    known = await aggregates.lock_recent(conn, list(by_resource))
    placings = [
        _place(resource, known[resource], alerts, incident_id, limits) for resource, alerts in by_resource.items()
    ]
    await _write(conn, incident_id, placings)
    await aggregates.move_position(conn, incident_id, Position(rows[-1]["received_at"], rows[-1]["id"]))
    if len(rows) == ALERTS_MAX:
        key = str(incident_id)
        await jobs.at(conn, "aggregate_alerts", key, delay_s=0.0, incident_id=key)


@dataclass
class _Placing:
    """What became of a resource's alerts. `homes`: the incident of each alert that is still remembered or placed."""

    resource_id: str
    recent: Recent
    homes: dict[str, str]
    seen_at: dict[str, datetime]
    bursts: dict[str, Burst] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)


def _place(resource_id: str, known: Row, alerts: Sequence[Row], incident_id: UUID, limits: BurstLimits) -> _Placing:
    singles = tuple(Arrival(one["id"], datetime.fromisoformat(one["at"])) for one in known["singles"])
    burst = Burst(str(known["aggregate_id"]), known["count"], known["last_at"]) if known["aggregate_id"] else None
    homes = {one["id"]: one["incident_id"] for one in known["singles"]}
    placing = _Placing(resource_id, Recent(singles, burst), homes, {one.id: one.at for one in singles})
    for alert in alerts:
        arrival = Arrival(str(alert["id"]), alert["received_at"])
        placing.homes[arrival.id], placing.seen_at[arrival.id] = str(incident_id), arrival.at
        placing.recent, placed = aggregate(placing.recent, arrival, resource_id, str(new_id()), limits)
        placing.children.update(dict.fromkeys(placed.children, placed.parent))
        if placing.recent.burst:
            placing.bursts[placing.recent.burst.id] = placing.recent.burst
        if placed.reason is BurstReason.BEGUN:
            placing.began[placed.parent] = min(placing.seen_at[child] for child in placed.children)
    return placing


async def _write(conn: Connection, incident_id: UUID, placings: Sequence[_Placing]) -> None:
    grown = [_aggregate_row(one, burst, incident_id) for one in placings for burst in one.bursts.values()]
    children = [
        {"alert_id": child, "aggregate_id": parent, "incident_id": one.homes[child]}
        for one in placings
        for child, parent in one.children.items()
    ]
    await aggregates.put(conn, grown)
    await aggregates.add_children(conn, children)
    await aggregates.keep_recent(conn, [_recent_row(one) for one in placings])
    for one in placings:
        for parent, began_at in one.began.items():
            burst = one.bursts[parent]
            text = as_one(burst.count, one.resource_id, burst.last_at - began_at)
            body = {"aggregate_id": parent, "resource_id": one.resource_id, "count": burst.count, "text": text}
            await timeline.append(conn, incident_id, "alerts.aggregated", reason=BurstReason.BEGUN, body=body)


def _aggregate_row(placing: _Placing, burst: Burst, incident_id: UUID) -> Mapping[str, Any]:
    """For one that grows, only the count and the newest time are taken over."""
    began_at = placing.began.get(burst.id, burst.last_at)
    return {
        "id": burst.id,
        "resource_id": placing.resource_id,
        "incident_id": str(incident_id),
        "count": burst.count,
        "began_at": began_at.isoformat(),
        "last_at": burst.last_at.isoformat(),
    }


def _recent_row(placing: _Placing) -> Mapping[str, Any]:
    recent = placing.recent
    return {
        "resource_id": placing.resource_id,
        "singles": [
            {"id": one.id, "at": one.at.isoformat(), "incident_id": placing.homes[one.id]} for one in recent.singles
        ],
        "aggregate_id": recent.burst.id if recent.burst else None,
    }
