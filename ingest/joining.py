"""Which incident a new alert joins or opens: its own group's, a neighbour's in the topology, or a new one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.alert import Alert
from core.incident import FoldReason, priority, signature, title
from core.resource import Place, place_of
from core.site import Site
from store import incidents, jobs, timeline
from store.ids import new_id
from store.pool import Connection, Row, now

# The page is the first call; escalation looks at the incident right after it.
FIRST_LOOK_S = 1.0


async def find_homes(conn: Connection, site: Site, fresh: Sequence[Alert]) -> list[tuple[Place, UUID]]:
    """The place of each new alert and the incident that it belongs to, opened where there is none."""
    places = [_placed(alert, site) for alert in fresh]
    groups: dict[str, list[Alert]] = defaultdict(list)
    for alert, place in zip(fresh, places, strict=True):
        groups[place.group_key].append(alert)
    by_key = {place.group_key: place for place in places}
    joins = {key: [key, *_neighbour_keys(site, place)] for key, place in by_key.items()}
    every_key = sorted({key for keys in joins.values() for key in keys})
    found: dict[str, Row] = {}
    for row in await incidents.open_for(conn, every_key, reopen_s=site.timings.reopen_s):
        found.setdefault(row["group_key"], row)
    opening: list[Mapping[str, Any]] = []
    home: dict[str, UUID] = {}
    for key in sorted(by_key):
        joined = next((found[k] for k in joins[key] if k in found), None)
        if joined is None:
            opening.append(_new_incident(site, groups[key], by_key[key]))
            joined = {"id": UUID(opening[-1]["id"]), "group_key": key}
        elif joined["resolved_at"] is not None:
            await _reopen(conn, site, joined)
        found[joined["group_key"]] = {**joined, "resolved_at": None}
        home[key] = joined["id"]
    if opening:
        await _open(conn, site, opening, groups)
    return [(place, home[place.group_key]) for place in places]


def names_of(batch: Sequence[Alert]) -> dict[str, int]:
    """How many alerts there are of each name."""
    names: dict[str, int] = defaultdict(int)
    for alert in batch:
        names[alert.name] += 1
    return dict(names)


def _placed(alert: Alert, site: Site) -> Place:
    """Own services without an environment label live in the site's environment."""
    labels = alert.labels
    if labels.get("service") in site.services and not (labels.get("environment") or labels.get("env")):
        labels = {**labels, "environment": site.environment}
    return place_of(labels)


def _neighbour_keys(site: Site, place: Place) -> list[str]:
    neighbours = sorted(site.topology.neighbours(place.service)) if place.service in site.services else ()
    return [Place(place.environment, place.cluster, name, "").group_key for name in neighbours]


def _new_incident(site: Site, first: Sequence[Alert], place: Place) -> dict[str, Any]:
    kind = site.service(place.service).kind
    return {
        "id": str(new_id()),
        "priority": priority(alert.severity for alert in first),
        "group_key": place.group_key,
        "environment": place.environment,
        "cluster": place.cluster,
        "service": place.service,
        "title": title({place.service: len(first)}, names_of(first)),
        "signature": signature([(alert.name, alert.alert_class) for alert in first], kind),
        "started_at": min(alert.starts_at for alert in first).isoformat(),
    }


async def _open(
    conn: Connection, site: Site, opening: Sequence[Mapping[str, Any]], groups: Mapping[str, Sequence[Alert]]
) -> None:
    rows = await incidents.create(conn, opening)
    told = [
        {
            "incident_id": str(row["id"]),
            "kind": "incident.opened",
            "reason": FoldReason.NEW_EPISODE,
            "body": {
                "number": row["number"],
                "service": row["service"],
                "first_alert": groups[row["group_key"]][0].name,
            },
        }
        for row in rows
    ]
    await timeline.append_many(conn, told)
    await _wake_people(conn, site, [str(row["id"]) for row in rows], "page")


async def _reopen(conn: Connection, site: Site, row: Row) -> None:
    if await incidents.reopen(conn, row["id"]):
        await timeline.append(conn, row["id"], "incident.reopened", reason=FoldReason.NEW_EPISODE)
        await _wake_people(conn, site, [str(row["id"])], "reopened")


async def _wake_people(conn: Connection, site: Site, incident_ids: Sequence[str], kind: str) -> None:
    """The page goes out at once; the investigation waits until the storm has settled a little."""
    await jobs.defer_many(conn, "page_incident", [{"incident_id": one, "kind": kind} for one in incident_ids])
    runs = [(one, {"incident_id": one}) for one in incident_ids]
    await jobs.at_many(conn, "run_incident", runs, delay_s=site.timings.settle_s)
    began = {"began": (await now(conn)).isoformat()} if kind == "reopened" else {}
    calls = [(one, {"incident_id": one, **began}) for one in incident_ids]
    await jobs.at_many(conn, "escalate_incident", calls, delay_s=FIRST_LOOK_S)


async def tell_worse(conn: Connection, incident_id: UUID, priority_now: str) -> None:
    """It became more urgent: people are told, and escalation begins anew."""
    key = str(incident_id)
    await jobs.defer(conn, "page_incident", incident_id=key, kind=f"worse:{priority_now}")
    began = (await now(conn)).isoformat()
    await jobs.at(conn, "escalate_incident", key, delay_s=FIRST_LOOK_S, incident_id=key, began=began)
