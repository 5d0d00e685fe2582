"""What comes together is told as one: aggregates of a resource's alerts, and storms of incidents. Nothing is lost."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from core.burst import Arrival, BurstLimits, Recent, arrive
from core.site import Limits, Service, Site
from engine import aggregating
from engine.aggregating import aggregate_alerts, look
from engine.jobs import JOBS
from engine.storms import end_storm
from store import jobs

BODIES = {body.__name__: body for body in JOBS}
WORKED = ["page_incident", "page_storm", "aggregate_alerts"]


def alert(number: int = 0, severity: str = "warning", **labels: str) -> Any:
    labels = {"alertname": "DiskSlow", "severity": severity, "part": str(number), **labels}
    return {"status": "firing", "labels": labels, "annotations": {}, "startsAt": datetime.now(UTC).isoformat()}


async def send(door: Any, *alerts: Any) -> None:
    answer = await door.post("/api/v1/webhooks/alertmanager", {"alerts": list(alerts)})
    assert answer.status_code == 200, answer.text


async def work(door: Any) -> None:
    """Do the jobs that people are told by, in their order, until none is left."""
    while True:
        async with door.store.begin() as conn:
            await jobs.take_due(conn)
        taken = "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = ANY (%s) RETURNING *"
        rows = await door.rows(taken, WORKED)
        if not rows:
            return
        for row in sorted(rows, key=lambda row: row["id"]):
            await BODIES[row["task_name"]](door.house, **row["args"])


async def told(door: Any) -> list[tuple[str, Any]]:
    rows = await door.rows("SELECT kind, body FROM notifications ORDER BY created_at, id")
    return [(row["kind"], row["body"]) for row in rows]


async def events(door: Any, number: int, kind: str) -> list[Any]:
    page = (await door.get(f"/api/v1/incidents/{number}/events?follow=false&limit=500")).json()
    return [row for row in page["items"] if row["kind"] == kind]


async def incident(door: Any, number: int = 1) -> Any:
    return (await door.get(f"/api/v1/incidents/{number}")).json()


async def aggregated(door: Any) -> None:
    """What the fold asks for whenever new alerts came."""
    for row in await door.rows("SELECT id FROM incidents ORDER BY number"):
        await aggregate_alerts(door.house, str(row["id"]))


def limited(door: Any, monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    async def site() -> Site:
        return Site(1, "test", services={"shop": Service("shop")}, limits=Limits(**limits))  # type: ignore[arg-type]

    monkeypatch.setattr(door.house, "site", site)
    monkeypatch.setattr(door.house.intake, "_site", site)


async def test_thirty_alerts_of_one_host_are_one_aggregate_and_the_page_names_it(door: Any) -> None:
    await send(door, *(alert(n, host="db-1") for n in range(30)), alert(0, host="db-2"))
    await work(door)
    [(kind, body)] = await told(door)
    assert kind == "page"
    assert body["aggregates"] == ["30 alerts of host:db-1 in 0 s as one"]
    assert body["firing"] == 31
    shown = await incident(door)
    [one] = shown["aggregates"]
    assert (one["resource_id"], one["count"], shown["alert_count"]) == ("host:db-1", 30, 31)
    alerts = (await door.get("/api/v1/incidents/1/alerts?limit=200")).json()["items"]
    assert sum(a["aggregate_id"] == one["id"] for a in alerts) == 30
    assert [a["resource_id"] for a in alerts if a["aggregate_id"] is None] == ["host:db-2"]
    [row] = await events(door, 1, "alerts.aggregated")
    assert (row["reason"], row["body"]["count"]) == ("begun", 30)


async def test_an_aggregate_grows_with_one_row_on_the_timeline_and_the_twentieth_alone_begins_none(door: Any) -> None:
    await send(door, *(alert(n, host="db-1") for n in range(20)))
    await work(door)
    assert (await incident(door))["aggregates"] == []
    for n in range(20, 25):
        await send(door, alert(n, host="db-1"))
        await aggregated(door)
    await aggregated(door)
    assert [one["count"] for one in (await incident(door))["aggregates"]] == [25]
    assert len(await events(door, 1, "alerts.aggregated")) == 1
    assert len(await told(door)) == 1
    # A pause of more than the window ends it: what comes then is single again.
    await door.rows("UPDATE aggregates SET last_at = last_at - interval '61 seconds' RETURNING 1")
    await send(door, alert(25, host="db-1"))
    await aggregated(door)
    assert [one["count"] for one in (await incident(door))["aggregates"]] == [25]
    newest = (await door.get("/api/v1/incidents/1/alerts?limit=1")).json()["items"]
    assert newest[0]["aggregate_id"] is None


async def test_both_numbers_are_settings(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(door, monkeypatch, aggregate_alerts_max=2, storm_incidents_max=1)
    await send(door, *(alert(n, host="db-1") for n in range(3)), alert(0, service="cart"))
    await work(door)
    assert (await incident(door, 1))["storm"] == (await incident(door, 2))["storm"] == 1
    assert [one["count"] for n in (1, 2) for one in (await incident(door, n))["aggregates"]] == [3]


async def test_small_steps_and_many_workers_place_alerts_as_the_rule_does(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the batches are, and whoever takes them, the parents are those of one walk over the alerts."""
    monkeypatch.setattr(aggregating, "ALERTS_MAX", 7)
    await send(door, *(alert(n, host=f"db-{n % 2}") for n in range(90)))
    spread = """UPDATE alerts SET received_at = '2026-03-01T10:00:00Z'::timestamptz
                  + make_interval(secs => (labels ->> 'part')::int + 45 * ((labels ->> 'part')::int / 40))
                RETURNING 1"""
    await door.rows(spread)
    limits = BurstLimits(5, 20.0)
    [row] = await door.rows("SELECT id FROM incidents")

    async def worker() -> None:
        for _ in range(6):
            async with door.store.begin() as conn:
                await look(conn, row["id"], limits)

    await asyncio.gather(*(worker() for _ in range(4)))
    await worker()
    expected: dict[str, str] = {}
    recent: dict[str, Recent] = {}
    query = "SELECT id, resource_id, received_at FROM alerts ORDER BY received_at, id"
    for n, one in enumerate(await door.rows(query)):
        key, arrival = one["resource_id"], Arrival(str(one["id"]), one["received_at"])
        recent[key], placed = arrive(recent.get(key, Recent()), arrival, f"{n}", limits)
        expected |= dict.fromkeys(placed.children, placed.parent)
    found = {str(r["alert_id"]): str(r["aggregate_id"]) for r in await door.rows("SELECT * FROM alert_parents")}
    names = {found[child]: parent for child, parent in expected.items()}
    assert {child: names[parent] for child, parent in found.items()} == expected
    assert len(set(expected.values())) == len(names) == 4
    sizes = {str(r["id"]): r["count"] for r in await door.rows("SELECT id, count FROM aggregates")}
    assert sizes == {parent: list(found.values()).count(parent) for parent in names}


async def test_forty_incidents_at_once_are_one_storm_with_one_page(door: Any) -> None:
    await send(door, *(alert(service=f"s-{n}") for n in range(40)))
    await work(door)
    [(kind, body)] = await told(door)
    assert (kind, body["storm"], body["incidents"]) == ("storm", 1, 40)
    assert body["title"] == "storm #1: 40 incidents, the worst: #1 DiskSlow on s-0"
    [storm] = (await door.get("/api/v1/storms")).json()["items"]
    assert (storm["number"], storm["incident_count"], storm["ended_at"]) == (1, 40, None)
    members = (await door.get("/api/v1/incidents?storm=1&limit=200")).json()["items"]
    assert len(members) == 40
    assert {one["storm"] for one in members} == {1}
    assert (await door.get("/api/v1/incidents?storm=2")).json()["items"] == []
    [joined] = await events(door, 17, "storm.joined")
    assert joined["reason"] == "begun"
    [held] = await events(door, 17, "page.muted")
    assert (held["reason"], held["body"]["by"]) == ("storm", ["storm:1"])
    # Each of them is escalated by its own policy, now or when its first look is due.
    looks = """SELECT key FROM due WHERE kind = 'escalate_incident'
      UNION SELECT lock FROM procrastinate_jobs WHERE task_name = 'escalate_incident'"""
    assert len(await door.rows(looks)) == 40


async def test_a_storm_that_grows_is_told_at_doublings_and_what_is_critical_is_paged_alone(door: Any) -> None:
    for n in range(10):
        await send(door, alert(service=f"s-{n}"))
        await work(door)
    assert [kind for kind, _ in await told(door)] == ["page"] * 10
    for n in range(10, 20):
        await send(door, alert(service=f"s-{n}", severity="critical" if n == 15 else "warning"))
        await work(door)
    later = (await told(door))[10:]
    assert [kind for kind, _ in later] == ["storm", "page", "storm"]
    assert [body.get("incidents") for _, body in later] == [11, None, 20]
    assert (later[1][1]["service"], later[1][1]["priority"]) == ("s-15", "P1")
    assert later[2][1]["incident"] == 16  # the worst
    # One of the storm that becomes critical is paged alone too.
    await send(door, alert(1, service="s-12", severity="critical"))
    await work(door)
    kind, body = (await told(door))[-1]
    assert (kind, body["service"]) == ("worse", "s-12")


async def test_a_storm_ends_with_a_quiet_window_and_the_next_incident_is_single(door: Any) -> None:
    await send(door, *(alert(service=f"s-{n}") for n in range(11)))
    await work(door)
    [storm] = await door.rows("SELECT id FROM storms")
    await end_storm(door.house, str(storm["id"]))
    assert (await door.get("/api/v1/storms")).json()["items"][0]["ended_at"] is None
    await door.rows("UPDATE storms SET last_at = last_at - interval '121 seconds' RETURNING 1")
    await end_storm(door.house, str(storm["id"]))
    assert (await door.get("/api/v1/storms")).json()["items"][0]["ended_at"] is not None
    await send(door, alert(service="late"))
    await work(door)
    assert [kind for kind, _ in await told(door)] == ["storm", "page"]
    assert (await incident(door, 12))["storm"] is None


async def test_a_storm_of_what_is_silenced_is_not_told_until_something_else_joins(door: Any) -> None:
    async with door.client("responder") as client:
        body = {"matchers": ["team=lab"], "reason": "drill", "for_s": 600}
        assert (await client.post("/api/v1/silences", json=body)).status_code == 201
    await send(door, *(alert(service=f"s-{n}", team="lab") for n in range(19)))
    await work(door)
    assert await told(door) == []
    await send(door, alert(service="heard"))
    await work(door)
    [(kind, body)] = await told(door)
    assert (kind, body["incidents"], body["service"]) == ("storm", 20, "heard")


async def test_storms_are_paged_through_and_only_for_people(door: Any) -> None:
    for _ in range(3):
        insert = "INSERT INTO storms (id, incident_count, began_at, last_at, ended_at) VALUES "
        await door.rows(insert + "(gen_random_uuid(), 11, store.now(), store.now(), store.now()) RETURNING 1")
    first = (await door.get("/api/v1/storms?limit=2")).json()
    rest = (await door.get(f"/api/v1/storms?limit=2&before={first['next']}")).json()
    assert [one["number"] for one in first["items"] + rest["items"]] == [3, 2, 1]
    assert rest["next"] is None
    assert (await door.get("/api/v1/storms", "prometheus")).status_code == 403
