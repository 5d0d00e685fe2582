"""The house says how it is."""

import asyncio
import time
from typing import Any

import psycopg

from api.routes.health import Readiness
from store import figures


async def test_alive_needs_nothing_and_ready_names_what_runs_without(door: Any) -> None:
    assert (await door.get("/health/live", None)).json() == {"status": "live"}
    ready = await door.get("/health/ready", None)
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "failing": [], "model": "none"})


async def test_a_schema_that_is_not_ours_is_not_ready(door: Any, database: Any) -> None:
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        await owner.execute("INSERT INTO migrations (number) VALUES (9999)")
    ready = await door.get("/health/ready", None)
    assert (ready.status_code, ready.json()["failing"]) == (503, ["schema"])
    assert ready.headers["retry-after"] == "5"


async def test_a_database_that_takes_no_writes_is_not_ready(door: Any, database: Any) -> None:
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        await owner.execute("BEGIN; LOCK TABLE leases IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        ready = await door.get("/health/ready", None)
        assert (ready.status_code, ready.json()["failing"]) == (503, ["database"])
        assert time.monotonic() - started < 20  # it does not hang as long as the lock
        await owner.execute("ROLLBACK")


async def test_a_process_that_runs_jobs_is_ready_only_while_a_worker_is_seen(door: Any) -> None:
    readiness = Readiness(door.store, runs_jobs=True)
    assert await readiness.failing() == ["worker"]
    await door.rows("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
    assert await Readiness(door.store, runs_jobs=True).failing() == []
    assert await readiness.failing() == ["worker"], "asked at most every two seconds"
    await door.rows("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute' RETURNING id")
    assert await Readiness(door.store, runs_jobs=True).failing() == ["worker"], "silent for too long"


async def test_many_askers_do_not_reach_the_database(door: Any, monkeypatch: Any) -> None:
    asked = []
    schema_number = figures.schema_number

    async def counted(conn: Any) -> int:
        asked.append(1)
        return await schema_number(conn)

    monkeypatch.setattr("store.figures.schema_number", counted)
    async with door.client() as client:
        answers = await asyncio.gather(*[client.get("/health/ready") for _ in range(50)])
    assert {answer.status_code for answer in answers} == {200}
    assert 1 <= len(asked) <= 3


async def test_metrics_count_what_came_in(door: Any) -> None:
    await door.post("/api/v1/webhooks/alertmanager", {"alerts": [{"labels": {"alertname": "A"}}, {"labels": {}}]})
    await door.post("/api/v1/webhooks/alertmanager", b"{")
    text = (await door.get("/metrics", "scraper")).text
    for line in (
        'nightshift_alerts_total{result="new",source="prometheus"} 1.0',
        'nightshift_alerts_total{result="quarantined",source="prometheus"} 1.0',
        'nightshift_webhook_bodies_refused_total{reason="not_json",source="prometheus"} 1.0',
        'nightshift_webhook_seconds_count{route="alertmanager",status="2xx"} 1.0',
        'nightshift_webhook_seconds_count{route="alertmanager",status="4xx"} 1.0',
        "nightshift_alerts_firing 1.0",
        "nightshift_incidents_open 1.0",
        'nightshift_executions{state="unknown"} 0.0',
        "nightshift_executions_unknown_open 0.0",
        "nightshift_approvals_waiting 0.0",
        "nightshift_outbox_oldest_seconds 0.0",
    ):
        assert line in text.splitlines(), line
    figures = {line.split(" ")[0]: float(line.split(" ")[1]) for line in text.splitlines() if line[0] != "#"}
    assert abs(figures["nightshift_last_alert_timestamp_seconds"] - time.time()) < 60
    assert figures["nightshift_queue_jobs"] >= 1
    assert 0 <= figures["nightshift_queue_oldest_seconds"] < 60


async def test_the_description_of_the_api_documents_keys_and_problems(door: Any) -> None:
    described = (await door.get("/openapi.json", None)).json()
    assert described["openapi"].startswith("3.1")
    post = described["paths"]["/api/v1/webhooks/alertmanager"]["post"]
    assert post["security"] == [{"bearer": []}, {"basic": []}, {"session": []}]
    assert {"200", "400", "401", "403", "409", "413", "422", "503"} <= post["responses"].keys()
    assert "security" not in described["paths"]["/health/live"]["get"]
    assert (await door.get("/docs", None)).status_code == 200
