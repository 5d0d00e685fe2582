"""Heartbeats at the front door: never incidents; their absence is one, and their return ends it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from core.heartbeat import INTERVAL_S_ASSUMED, MISSED_FACTOR
from engine.heartbeats import sweep_heartbeats
from store import heartbeats

LABELS = {"alertname": "Watchdog", "severity": "none", "cluster": "eu-1", "prometheus": "monitoring/k8s"}
URL = "/api/v1/webhooks/alertmanager"


@dataclass
class Watch:
    """A door, and a clock that is moved by making everything older."""

    door: Any

    async def beat(self, status: str = "firing", holder: str = "prometheus", **labels: str) -> Any:
        said = {"status": status, "labels": {**LABELS, **labels}, "startsAt": "2026-01-01T00:00:00Z"}
        if status == "resolved":
            said["endsAt"] = datetime.now(UTC).isoformat()
        answer = await self.door.post(URL, {"alerts": [said]}, holder)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def passes(self, seconds: float, *, listening: bool = True) -> None:
        """Time goes by, with us there to hear all the while or not; then the sweep comes twice."""
        async with self.door.store.begin() as conn:
            span = f"interval '{seconds} seconds'"
            await conn.execute(
                f"UPDATE heartbeats SET last_beat_at = last_beat_at - {span}, absent_since = absent_since - {span},"
                f" beats = ARRAY(SELECT b - {span} FROM unnest(beats) WITH ORDINALITY AS u (b, n) ORDER BY n)"
            )
            await conn.execute(f"UPDATE alerts SET starts_at = starts_at - {span}, ended_at = ended_at - {span}")
            moved = "since" if listening else "since = since - interval '0', seen_at"
            await conn.execute(f"UPDATE reception SET {moved} = {moved.split()[-1]} - {span}")
            await heartbeats.hear(conn)
        for _ in range(2):
            await sweep_heartbeats(self.door.house)

    async def shown(self) -> list[Any]:
        answer = await self.door.get("/api/v1/heartbeats")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def alerts(self) -> list[Any]:
        return list(await self.door.rows("SELECT * FROM alerts ORDER BY received_at"))

    async def incidents(self) -> list[Any]:
        return list((await self.door.get("/api/v1/incidents")).json()["items"])


@pytest.fixture
async def watch(door: Any) -> Watch:
    async with door.store.begin() as conn:
        await heartbeats.hear(conn)
    return Watch(door)


async def rule(watch: Watch, **body: Any) -> Any:
    answer = await watch.door.post("/api/v1/heartbeat-rules", {"title": "rule", **body}, "operator")
    assert answer.status_code == 201, answer.text
    watch.door.house.intake._heartbeats._rules = None  # what takes a second
    return answer.json()


async def test_a_watchdog_is_no_incident_and_is_shown_with_what_is_learned_of_it(watch: Watch) -> None:
    for _ in range(5):
        counts = await watch.beat()
        await watch.passes(60)
    assert (counts["received"], counts["heartbeats"], counts["new"]) == (1, 1, 0)
    assert await watch.alerts() == await watch.incidents() == []
    [one] = await watch.shown()
    assert (one["name"], one["state"], one["source"], one["rule"]) == ("Watchdog", "beating", "prometheus", "watchdog")
    assert (round(one["interval_s"]), one["interval_from"]) == (60, "learned")
    assert one["labels"]["cluster"] == "eu-1"


async def test_neighbours_of_a_beat_are_folded_as_always(watch: Watch) -> None:
    trouble = {"status": "firing", "labels": {"alertname": "DiskFull", "service": "cart"}}
    answer = await watch.door.post(URL, {"alerts": [{"status": "firing", "labels": LABELS}, trouble]})
    assert (answer.json()["new"], answer.json()["heartbeats"]) == (1, 1)
    assert [alert["name"] for alert in await watch.alerts()] == ["DiskFull"]


async def test_an_absence_is_one_incident_and_the_return_ends_it(watch: Watch) -> None:
    await rule(watch, matchers=["alertname=Watchdog"], interval_s=60)
    await watch.beat()
    await watch.beat(cluster="us-1")
    await watch.passes(60 * MISSED_FACTOR - 5)
    assert await watch.alerts() == []
    for _ in range(3):
        await watch.beat(cluster="us-1")
        await watch.passes(60)
    [alert] = await watch.alerts()
    assert (alert["source"], alert["name"], alert["severity"], alert["cluster"]) == (
        "nightshift", "HeartbeatAbsent", "critical", "eu-1",
    )  # fmt: skip
    assert alert["labels"] == {
        "alertname": "HeartbeatAbsent", "severity": "critical", "cluster": "eu-1", "prometheus": "monitoring/k8s",
        "service": "prometheus", "heartbeat": "Watchdog", "heartbeat_rule": "rule", "heartbeat_source": "prometheus",
    }  # fmt: skip
    [incident] = await watch.incidents()
    assert (incident["priority"], incident["firing_count"]) == ("P1", 1)
    assert {one["labels"]["cluster"]: one["state"] for one in await watch.shown()} == {
        "eu-1": "absent",
        "us-1": "beating",
    }

    await watch.beat()
    await watch.passes(1)
    [alert] = await watch.alerts()
    assert alert["ended_at"] is not None
    [incident] = await watch.incidents()
    assert (incident["firing_count"], incident["alert_count"]) == (0, 1)
    assert await watch.door.rows("SELECT 1 FROM due WHERE kind = 'resolve_incident'") != []
    assert {one["state"] for one in await watch.shown()} == {"beating"}

    await watch.passes(200)  # and again: another episode of the same
    assert [row["ended_at"] is None for row in await watch.alerts() if row["cluster"] == "eu-1"] == [False, True]


async def test_a_resolve_is_no_beat(watch: Watch) -> None:
    await rule(watch, matchers=["alertname=Watchdog"], interval_s=60)
    await watch.beat()
    for _ in range(3):
        await watch.beat("resolved")
        await watch.passes(60)
    assert len(await watch.incidents()) == 1
    assert [one["state"] for one in await watch.shown()] == ["absent"]


async def test_what_we_could_not_hear_is_unknown_and_gets_a_whole_allowance(watch: Watch) -> None:
    await rule(watch, matchers=["alertname=Watchdog"], interval_s=60)
    await watch.beat()
    await watch.passes(3600, listening=False)  # we were down
    assert [one["state"] for one in await watch.shown()] == ["unknown"]
    assert await watch.incidents() == []
    await watch.passes(60 * MISSED_FACTOR - 5)
    assert await watch.incidents() == []
    await watch.passes(10)
    assert len(await watch.incidents()) == 1


async def test_while_nobody_listens_nothing_is_claimed_and_an_absence_stays_one(watch: Watch) -> None:
    await rule(watch, matchers=["alertname=Watchdog"], interval_s=60)
    await watch.beat()
    await watch.door.rows("UPDATE reception SET seen_at = seen_at - interval '1 hour' RETURNING 1")
    await watch.door.rows("UPDATE heartbeats SET last_beat_at = last_beat_at - interval '1 hour' RETURNING 1")
    await sweep_heartbeats(watch.door.house)
    assert await watch.incidents() == []
    await watch.passes(0)
    await watch.passes(200)
    await watch.passes(3600, listening=False)
    assert [one["state"] for one in await watch.shown()] == ["absent"]
    [alert] = await watch.alerts()
    assert alert["ended_at"] is None


async def test_copies_of_replicas_do_not_shorten_what_is_learned(watch: Watch) -> None:
    for _ in range(8):
        for _ in range(3):
            await watch.beat()
            await watch.passes(1)
        await watch.passes(57)
    [one] = await watch.shown()
    assert round(one["interval_s"]) == 60


async def test_an_interval_is_assumed_until_it_is_learned(watch: Watch) -> None:
    await watch.beat()
    [one] = await watch.shown()
    assert (one["interval_s"], one["interval_from"]) == (INTERVAL_S_ASSUMED, "assumed")


async def test_the_retired_is_missed_no_more_until_it_beats_again(watch: Watch) -> None:
    await rule(watch, matchers=["alertname=Watchdog"], interval_s=60)
    await watch.beat()
    await watch.passes(200)
    [one] = await watch.shown()
    url = f"/api/v1/heartbeats/{one['id']}/retire"
    assert (await watch.door.post(url, {}, "responder")).status_code == 403
    assert (await watch.door.post(url, {}, "operator")).json() == {"id": one["id"], "name": "Watchdog"}
    assert await watch.shown() == []
    assert (await watch.door.post(url, {}, "operator")).status_code == 404
    await watch.passes(1)
    assert [row["ended_at"] is None for row in await watch.alerts()] == [False]
    assert await watch.door.rows("SELECT 1 FROM heartbeats") == []
    await watch.beat()
    assert [again["state"] for again in await watch.shown()] == ["beating"]


async def test_the_end_of_a_rule_is_no_absence_and_another_rule_takes_over(watch: Watch) -> None:
    own = await rule(watch, matchers=["alertname=Watchdog", "cluster=eu-1"], interval_s=60)
    backup = await rule(watch, title="backup", matchers=["alertname=Backup", "source=prometheus"], interval_s=60)
    await watch.beat()
    await watch.beat(alertname="Backup")
    for one in (own, backup):
        await watch.door.post(f"/api/v1/heartbeat-rules/{one['id']}/expire", {}, "operator")
    await watch.passes(600)
    assert [(one["name"], one["rule"]) for one in await watch.shown()] == [("Watchdog", "watchdog")]
    assert await watch.incidents() == []


async def test_a_rule_without_a_name_works_and_never_swallows_our_own_word(watch: Watch) -> None:
    await rule(watch, matchers=["purpose=heartbeat"], interval_s=60)
    assert (await watch.beat(alertname="Anything", purpose="heartbeat"))["heartbeats"] == 1
    assert (await watch.beat(alertname="Anything"))["new"] == 1
    await watch.passes(200)
    assert [row["name"] for row in await watch.alerts()] == ["Anything", "HeartbeatAbsent"]


async def test_too_many_heartbeats_are_alerts_like_others(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "HEARTBEATS_MAX", 2)
    alerts = [{"status": "firing", "labels": {**LABELS, "pod": str(n)}} for n in range(3)]
    for expected in (1, 0):
        counts = (await watch.door.post(URL, {"alerts": alerts})).json()
        assert (counts["heartbeats"], counts["new"], counts["repeats"]) == (2, expected, 1 - expected)
    assert len(await watch.shown()) == 2
