"""Exceptions of the team's own jobs become incidents of the right kind, and end when the job works again."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.exceptions import ErrorClass, classify
from tests.client.test_client import client

PAYLOADS = Path(__file__).parent / "payloads" / "senders" / "exceptions"
URL = "/api/v1/exceptions"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


@pytest.fixture
async def jobs(door: Any) -> Any:
    await door.add_source("jobs", "exceptions", labels={"team": "money"})
    return door


@pytest.mark.parametrize(
    ("types", "message", "expected"),
    [
        (["socket.gaierror"], "[Errno -2] Name or service not known", "dns_failure"),
        (["psycopg.OperationalError"], 'could not translate host name "db" to address', "dns_failure"),
        (["requests.exceptions.ConnectionError", "socket.gaierror"], "Max retries exceeded", "dns_failure"),
        (["psycopg.OperationalError"], "connection refused", "database_unreachable"),
        (["OperationalError"], "server closed the connection unexpectedly", "database_unreachable"),
        (["redis.exceptions.TimeoutError"], "Timeout connecting to server", "database_unreachable"),
        (["psycopg.OperationalError"], "FATAL: password authentication failed for user", "auth"),
        (["PermissionError"], "[Errno 13] Permission denied: '/data'", "auth"),
        (["httpx.HTTPStatusError"], "Client error '401 Unauthorized'", "auth"),
        (["TimeoutError"], "", "timeout"),
        (["httpx.ReadTimeout"], "The read operation timed out", "timeout"),
        (["OSError"], "[Errno 28] No space left on device", "disk"),
        (["OSError"], "[Errno 30] Read-only file system: '/data'", "disk"),
        (["ModuleNotFoundError"], "No module named 'orders'", "import"),
        (["KeyError"], "'total'", "unknown"),
        (["ValueError"], "invoice 40312 has no lines", "unknown"),
        ([], "", "unknown"),
    ],
)
def test_an_exception_tells_its_kind(types: list[str], message: str, expected: str) -> None:
    assert classify(types, message) == expected


def test_hostile_messages_cost_no_time() -> None:
    for text in ("psycopg" * 10_000, "database " * 10_000, "time" * 50_000, "Auth" * 50_000):
        assert classify([text] * 10_000, text) in ErrorClass


async def test_an_exception_opens_an_incident_and_comes_again_as_the_same_alert(jobs: Any) -> None:
    assert (await jobs.post(URL, payload("dns"), "jobs")).json()["new"] == 1
    later = {**payload("dns"), "message": "[Errno -3] Temporary failure in name resolution", "at": 1767254500}
    assert (await jobs.post(URL, [later], "jobs")).json()["changed"] == 1
    [row] = await jobs.rows("SELECT name, class, severity, service, environment, labels, incident_id FROM alerts")
    assert (row["name"], row["class"], row["severity"]) == ("JobDnsFailure", "dns", "critical")
    assert (row["service"], row["environment"], row["labels"]["team"]) == ("billing", "prod", "money")
    assert row["incident_id"]


async def test_a_job_that_works_again_ends_whatever_it_had_failed_by(jobs: Any) -> None:
    await jobs.post(URL, payload("dns"), "jobs")
    await jobs.post(URL, {**payload("dns"), "type": "KeyError", "message": "'total'"}, "jobs")
    await jobs.post(URL, {**payload("dns"), "job": "other"}, "jobs")
    answer = await jobs.post(URL, payload("resolved"), "jobs")
    assert answer.json()["resolved"] == 2
    rows = await jobs.rows("SELECT labels->>'job_name' AS job FROM alerts WHERE status = 'firing'")
    assert rows == [{"job": "other"}]


async def test_one_kind_can_be_ended_alone(jobs: Any) -> None:
    await jobs.post(URL, payload("dns"), "jobs")
    wrong = {**payload("resolved"), "error_class": "disk"}
    assert (await jobs.post(URL, wrong, "jobs")).json()["resolved"] == 0
    assert (await jobs.post(URL, {**wrong, "error_class": "dns_failure"}, "jobs")).json()["resolved"] == 1


@pytest.mark.parametrize("name", sorted(p.stem for p in PAYLOADS.glob("flawed/*.json")))
async def test_a_flawed_exception_is_kept_and_costs_its_neighbours_nothing(jobs: Any, name: str) -> None:
    flawed = payload(f"flawed/{name}")
    alone = await jobs.post(URL, flawed, "jobs")
    assert (alone.status_code, len(alone.json()["errors"])) == (422, 1)
    among = await jobs.post(URL, {"exceptions": [flawed, payload("dns")]}, "jobs")
    assert (among.status_code, among.json()["new"], among.json()["quarantined"]) == (200, 1, 1)
    assert len(await jobs.rows("SELECT 1 FROM quarantine")) == 2


async def test_the_client_speaks_the_same_language(jobs: Any) -> None:
    nightshift = client.Nightshift(
        f"http://127.0.0.1:{jobs.port}", jobs.keys["jobs"], service="billing", environment="prod", timeout_s=10
    )
    with pytest.raises(OSError, match="No space left"):
        async with nightshift.watch("nightly"):
            raise OSError(28, "No space left on device")
    [row] = await jobs.rows("SELECT name, class, status, annotations FROM alerts")
    assert (row["name"], row["class"], row["status"]) == ("JobDiskFailure", "disk", "firing")
    assert "No space left" in row["annotations"]["traceback"] + row["annotations"]["summary"]
    async with nightshift.watch("nightly", resolve=True):
        pass
    assert await jobs.rows("SELECT status FROM alerts") == [{"status": "resolved"}]


async def test_only_the_key_of_a_source_of_exceptions_opens(jobs: Any) -> None:
    assert (await jobs.post(URL, payload("dns"), None)).status_code == 401
    assert (await jobs.post(URL, payload("dns"), "prometheus")).status_code == 403
    assert (await jobs.post(URL, payload("dns"), "admin")).status_code == 403
