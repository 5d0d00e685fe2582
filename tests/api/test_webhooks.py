"""Alerts come in by every door, and one alert stays one."""

import asyncio
import base64
from typing import Any
from urllib.parse import urlsplit

import psycopg

WEBHOOK = "/api/v1/webhooks/alertmanager"
V2 = "/api/v2/alerts"
LABELS = {"alertname": "HighErrorRate", "service": "shop", "severity": "critical"}


def alert(name: str = "HighErrorRate", **changes: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {**LABELS, "alertname": name},
        "annotations": {"summary": "Every tenth request fails."},
        "startsAt": "2026-01-01T08:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://localhost:9090/graph",
        **changes,
    }


def batch(*alerts: Any, **more: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "alerts": list(alerts), **more}


async def test_the_same_alert_by_webhook_and_by_api_v2_is_one_row(door: Any) -> None:
    first = await door.post(WEBHOOK, batch(alert()))
    assert first.status_code == 200
    assert first.json() == {
        "received": 1, "new": 1, "repeats": 0, "changed": 0, "resolved": 0, "late": 0, "ignored": 0,
        "heartbeats": 0, "quarantined": 0, "flagged": 0, "truncated": 0,
    }  # fmt: skip
    without_status = alert()
    del without_status["status"]
    without_status["labels"]["empty"] = ""  # Prometheus: an empty label is no label
    second = await door.post(V2, [without_status])
    assert (second.status_code, second.content) == (200, b"")
    rows = await door.rows("SELECT source, occurrences, status FROM alerts")
    assert rows == [{"source": "prometheus", "occurrences": 2, "status": "firing"}]
    shown = (await door.get("/api/v1/incidents/1/alerts")).json()["items"]
    assert [one["fingerprint"] for one in shown] == [PROMETHEUS_SAYS]


# FNV-1a as Prometheus' own library gives it for LABELS, computed apart from our code.
PROMETHEUS_SAYS = "caabbd059ced5a11"


async def test_a_resolve_by_webhook_ends_what_prometheus_opened_by_api_v2(door: Any) -> None:
    await door.post(V2, [alert(endsAt="2999-01-01T00:00:00Z")])
    assert (await door.rows("SELECT status FROM alerts")) == [{"status": "firing"}]
    answer = await door.post(WEBHOOK, batch(alert(status="resolved", endsAt="2026-01-01T09:00:00Z")))
    assert answer.json()["resolved"] == 1
    assert (await door.rows("SELECT status, ended_at IS NULL AS open FROM alerts")) == [
        {"status": "resolved", "open": False}
    ]


async def test_an_end_in_the_past_means_resolved_in_api_v2(door: Any) -> None:
    await door.post(V2, [alert()])
    await door.post(V2, [alert(endsAt="2026-01-01T09:00:00Z")])
    assert (await door.rows("SELECT status FROM alerts")) == [{"status": "resolved"}]


async def test_a_bad_alert_costs_its_neighbours_nothing(door: Any) -> None:
    bad = alert(labels={"alertname": "Bad", "port": 8080})
    answer = await door.post(WEBHOOK, batch(alert("First"), bad, alert("Second")))
    assert answer.status_code == 200
    assert (answer.json()["new"], answer.json()["quarantined"]) == (2, 1)
    kept = await door.rows("SELECT source, reason, detail, body FROM quarantine")
    assert kept[0]["source"] == "prometheus"
    assert kept[0]["reason"] == "label_not_text"
    assert kept[0]["detail"] == "Label 'port' must be a text, not int: quote its value."
    assert b'"port":8080' in bytes(kept[0]["body"])


async def test_api_v2_names_all_faults_after_storing_the_good_ones(door: Any) -> None:
    answer = await door.post(V2, [alert("First"), alert(labels={}), alert("Second"), "nonsense"])
    assert answer.status_code == 400
    assert "An alert needs `labels`" in answer.json()
    assert "An alert must be an object, not str." in answer.json()
    names = await door.rows("SELECT name FROM alerts ORDER BY name")
    assert [row["name"] for row in names] == ["First", "Second"]


async def test_many_bad_alerts_of_one_body_do_not_flood_the_quarantine(door: Any) -> None:
    answer = await door.post(WEBHOOK, batch(*[{"labels": {"n": n}} for n in range(250)], alert()))
    assert (answer.json()["quarantined"], answer.json()["new"]) == (250, 1)
    assert len(await door.rows("SELECT 1 FROM quarantine")) == 101
    [rest] = await door.rows("SELECT body FROM quarantine WHERE detail LIKE '150 more of the same body.%'")
    assert bytes(rest["body"]).count(b"labels") == 150


async def test_what_the_sender_left_out_is_noted(door: Any) -> None:
    answer = await door.post(WEBHOOK, batch(alert(), truncatedAlerts=7))
    assert answer.json()["truncated"] == 7
    assert 'nightshift_alerts_truncated_total{source="prometheus"} 7.0' in (await door.get("/metrics")).text


async def test_alertmanager_sends_its_key_as_the_password_of_basic_auth(door: Any) -> None:
    basic = base64.b64encode(f"anybody:{door.keys['prometheus']}".encode()).decode()
    answer = await door.post(WEBHOOK, batch(alert()), None, Authorization=f"Basic {basic}")
    assert answer.status_code == 200


async def test_overload_is_answered_503_so_that_alertmanager_tries_again(door: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("ingest.intake.QUEUE_ALERTS_MAX", 1)
    answer = await door.post(WEBHOOK, batch(alert("First"), alert("Second")))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["content-type"] == "application/problem+json"
    assert not await door.rows("SELECT 1 FROM alerts")


async def test_while_the_database_is_away_the_answer_is_503(door: Any, database: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(door.store.pool, "timeout", 1.0)
    await door.post(WEBHOOK, batch(alert("Before")))  # the key is known now
    name = urlsplit(database.owner_url).path.strip("/")
    elsewhere = database.owner_url.replace(name, "postgres")
    async with await psycopg.AsyncConnection.connect(elsewhere, autocommit=True) as owner:
        await owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        answer = await door.post(WEBHOOK, batch(alert("Meanwhile")))
        await owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    for _ in range(40):
        if (again := await door.post(WEBHOOK, batch(alert("Meanwhile")))).status_code == 200:
            break
        await asyncio.sleep(0.25)
    assert again.json()["new"] == 1


async def test_an_unstorable_value_that_slipped_through_costs_only_itself(door: Any, monkeypatch: Any) -> None:
    """Should cleaning ever miss something that the database refuses, the batch is halved until it is alone."""
    monkeypatch.setattr("ingest.parsed.storable", lambda text: text)
    body = batch(*[alert(f"Good{n}") for n in range(5)], alert("Po\x00ison"), *[alert(f"Fine{n}") for n in range(5)])
    answer = await door.post(WEBHOOK, body)
    assert answer.status_code == 200
    assert (answer.json()["new"], answer.json()["quarantined"]) == (10, 1)
    kept = await door.rows("SELECT reason, body FROM quarantine")
    assert kept[0]["reason"] == "unstorable"
    assert b"Po\\u0000ison" in bytes(kept[0]["body"])
