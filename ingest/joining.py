"""Which incident a new alert joins or opens: its own group's, a neighbour's in the topology, or a new one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.alert import Alert
from core.incident import FoldReason, priority, signature, title
from core.regrouping import MERGED
from core.resource import UNKNOWN, Place, place_of
from core.site import Site
from core.topology import Edge, told_edges
from ingest.storming import join_storms
from store import dependencies, incidents, jobs, timeline
from store.dependencies import Standing
from store.ids import new_id
from store.pool import Connection, Row, now

# The page is the first call; escalation looks at the incident right after it.
FIRST_LOOK_S = 1.0


class MustBeAlone(Exception):
    """An incident has to be opened, and nobody else may look for one meanwhile."""


async def find_homes(
    conn: Connection, site: Site, fresh: Sequence[Alert], places: Sequence[Place], *, alone: bool
) -> list[UUID]:
    """The incident that each new alert belongs to, opened where there is none. Raises MustBeAlone."""
    await _learn(conn, site, fresh, places)
    identities = [alert.identity for alert in fresh]
    standing = await _standing(conn, site, {place.group_key: place for place in places}, identities)
    groups: dict[str, list[Alert]] = defaultdict(list)
    by_key: dict[str, Place] = {}
    for alert, place in zip(fresh, places, strict=True):
        if alert.identity not in standing.identities:
            groups[place.group_key].append(alert)
            by_key[place.group_key] = place
    joins = {key: [key, *_neighbour_keys(site, place, standing)] for key, place in by_key.items()}
    found = await _found(conn, site, joins, standing, alone=alone)
    opening: list[Mapping[str, Any]] = []
    home: dict[str, UUID] = {}
    for key in sorted(by_key):
        joined = next((found[k] for k in joins[key] if k in found), None)
        if (joined is None or joined["resolved_at"] is not None) and not alone:
            raise MustBeAlone
        if joined is None:
            opening.append(_new_incident(site, groups[key], by_key[key]))
            joined = {"id": UUID(opening[-1]["id"]), "group_key": key}
        elif joined["resolved_at"] is not None:
            await _reopen(conn, site, joined)
        found[joined["group_key"]] = {**joined, "resolved_at": None}
        home[key] = joined["id"]
    if opening:
        await _open(conn, site, opening, groups)
    claimed = standing.identities
    return [claimed.get(alert.identity) or home[place.group_key] for alert, place in zip(fresh, places, strict=True)]


def names_of(batch: Sequence[Alert]) -> dict[str, int]:
    """How many alerts there are of each name."""
    names: dict[str, int] = defaultdict(int)
    for alert in batch:
        names[alert.name] += 1
    return dict(names)


def placed(labels: Mapping[str, str], site: Site) -> Place:
    """Own services without an environment label live in the site's environment."""
    if labels.get("service") in site.services and not (labels.get("environment") or labels.get("env")):
        labels = {**labels, "environment": site.environment}
    return place_of(labels)


async def _learn(conn: Connection, site: Site, fresh: Sequence[Alert], places: Sequence[Place]) -> None:
    """Keep what labels tell about dependencies; nothing is asked or written where no alert has such a label."""
    names = site.learning.labels.keys()
    told = {
        edge: (label, alert.source)
        for alert, place in zip(fresh, places, strict=True)
        if not names.isdisjoint(alert.labels)
        for edge, label in told_edges(place.service, alert.labels, site.learning)
    }
    if told:
        await dependencies.learn(conn, told, edges_max=site.learning.edges_max)


async def _standing(conn: Connection, site: Site, by_key: Mapping[str, Place], identities: Sequence[str]) -> Standing:
    """What people merged or split, and what labels told, about these groups, their neighbours and these alerts."""
    keys = {key for place in by_key.values() for key in (place.group_key, *_neighbour_keys(site, place))}
    services = {place.service for place in by_key.values()} - {UNKNOWN}
    keep_s = site.learning.keep_s
    found = await dependencies.standing(conn, groups=keys, identities=identities, services=services, keep_s=keep_s)
    if not found.edges:
        return found
    more = {key for place in by_key.values() for key in _neighbour_keys(site, place, found)} - keys
    further = await dependencies.standing(conn, groups=more, identities=(), services=(), keep_s=keep_s)
    return Standing({**further.groups, **found.groups}, found.identities, found.edges)


async def _found(
    conn: Connection, site: Site, joins: Mapping[str, Sequence[str]], standing: Standing, *, alone: bool
) -> dict[str, Row]:
    """The incident that stands for each group: its open one, the one that claims it, or its own that just ended."""
    every_key = sorted({key for keys in joins.values() for key in keys})
    found: dict[str, Row] = {}
    for row in await incidents.open_for(conn, every_key, reopen_s=site.timings.reopen_s, lock=alone):
        if row["state"] != MERGED:
            found.setdefault(row["group_key"], row)
    for key, incident_id in standing.groups.items():
        if key not in found or found[key]["resolved_at"] is not None:
            found[key] = {"id": incident_id, "group_key": key, "resolved_at": None}
    return found


def _neighbour_keys(site: Site, place: Place, standing: Standing | None = None) -> list[str]:
    """The groups of a place's neighbours: those that are written down, then those that were learned."""
    written = sorted(site.topology.neighbours(place.service)) if place.service in site.services else []
    keys = [Place(place.environment, place.cluster, name, "").group_key for name in written]
    if standing is None or not standing.edges:
        return keys
    edges = [Edge(*edge) for edge in standing.edges]
    learned = sorted(site.topology.with_learned(edges).neighbours(place.service) - set(written))
    # Only services of the site live in its environment where their alerts do not say so.
    places = {place.environment, site.environment, UNKNOWN} if place.environment in (site.environment, UNKNOWN) else ()
    where = sorted({place.environment, *places}, key=lambda one: one != place.environment)
    return keys + [Place(here, place.cluster, name, "").group_key for name in learned for here in where]


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
    await join_storms(conn, site, [row["id"] for row in rows])
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
