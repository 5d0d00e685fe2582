"""Nightshift between the real Prometheus and the real Alertmanager, connected exactly as docs/connect.md says."""

import os
import shutil
import time
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.neighbours.town import Town, open_town

pytestmark = [pytest.mark.neighbours, pytest.mark.slow]
NEIGHBOURS = ("prometheus", "prometheus-alertmanager")
# Read at import: a fixture takes settings of this machine away before the test runs.
REQUIRED = os.environ.get("NIGHTSHIFT_REQUIRE_NEIGHBOURS") == "1"
STORY_S = 90.0
BASELINE_SCRAPES = 11
SEEN_ALERTS_MIN = 100


@pytest.fixture(autouse=True)
def _neighbours_are_here() -> None:
    if missing := [name for name in NEIGHBOURS if shutil.which(name) is None]:
        (pytest.fail if REQUIRED else pytest.skip)(
            f"NOT TESTED against real neighbours: {', '.join(missing)} missing; apt-get install {' '.join(NEIGHBOURS)}"
        )


async def test_a_bad_release_is_healed_between_real_prometheus_and_real_alertmanager(
    tmp_path: Any, database: Database
) -> None:
    began = time.monotonic()
    async with open_town(tmp_path, database) as town:
        await town.until("a baseline in Prometheus", lambda: _baseline(town), 40)
        assert (await town.get("/incidents"))["items"] == []

        await town.deploy("2.4.1")
        number = await _paged_once(town)
        approval = await _diagnosed(town, number)
        await _both_doors_are_one(town, number)
        await _approve(town, approval)
        await _rolled_back_once(town, approval["execution_id"])
        await _verified_by_prometheus(town, number, approval["execution_id"], database)
        await _resolved(town, number)
        assert time.monotonic() - began < STORY_S

        _other_snippets_work(town)
        await _test_alert_came_and_went(town)


async def _baseline(town: Town) -> bool:
    """Every instance scraped often enough, without a failed one, and customers everywhere."""
    scrapes = await town.ask_prometheus('min(sum_over_time(up{service="shop"}[1m]))')
    visits = await town.ask_prometheus("min(rate(shop_requests_total[10s]))")
    return bool(scrapes and visits) and scrapes[0] >= BASELINE_SCRAPES and visits[0] > 0


async def _paged_once(town: Town) -> int:
    """Prometheus fires, Alertmanager groups, one incident opens, one page goes out; the direct receiver rings too."""

    async def incident() -> Any:
        items = (await town.get("/incidents"))["items"]
        return items[0] if items and items[0]["alert_count"] >= SEEN_ALERTS_MIN else None

    found = await town.until(f"an incident with {SEEN_ALERTS_MIN} alerts", incident, 30)
    await town.until("the page", lambda: _pages(town), 15)
    assert found["service"] == "shop"
    assert found["priority"] == "P1"
    assert await town.counted("nightshift_alerts_total", source="alertmanager", result="new") >= SEEN_ALERTS_MIN

    async def direct() -> Any:
        return [page for page in await _received(town) if page.get("receiver") == "pager"]

    assert (await town.until("Alertmanager's own page", direct, 15))[0]["version"] == "4"
    return int(found["number"])


async def _received(town: Town) -> list[dict[str, Any]]:
    return list((await town.client.get(f"{town.pager}/pages")).json())


async def _pages(town: Town) -> list[dict[str, Any]]:
    return [page for page in await _received(town) if page.get("kind") == "page"]


async def _diagnosed(town: Town, number: int) -> dict[str, Any]:
    """The diagnosis blames the release, and the card asks for exactly the rollback."""

    async def requested() -> Any:
        return await _events(town, number, "approval.requested")

    (asked,) = await town.until("an approval card", requested, 30)
    diagnosis = (await town.get(f"/incidents/{number}"))["diagnosis"]["body"]
    assert diagnosis["cause"] == "bad_release", diagnosis
    assert "2.4.1" in diagnosis["summary"]
    assert "metric_shift" in str(diagnosis["evidence"])
    approval: dict[str, Any] = await town.get(f"/approvals/{asked['body']['approval_id']}")
    assert approval["card"]["arguments"] == {"service": "shop", "to_version": "2.4.0"}
    return approval


async def _both_doors_are_one(town: Town, number: int) -> None:
    """Prometheus also posts to us directly from now on: nothing is stored twice."""
    town.write_prometheus(doors=("alertmanager", "v2"))
    await town.until("the same alerts through both doors", lambda: _repeated_by_prometheus(town), 20)

    async def all_known() -> bool:
        known = {tuple(sorted(alert["labels"].items())) for alert in await _alerts(town, number)}
        return known >= await town.firing()

    await town.until("every alert that fires to be known", all_known, 20)
    alerts = await _alerts(town, number)
    # An alert that came back after its end is a new row; of those that fire now, each label set has one.
    firing = [tuple(sorted(alert["labels"].items())) for alert in alerts if alert["status"] == "firing"]
    assert len(firing) == len(set(firing))
    assert await town.counted("nightshift_webhook_seconds_count", route="v2", status="2xx") > 0
    assert await town.counted("nightshift_webhook_seconds_count", route="v2", status="4xx") == 0
    assert len((await town.get("/incidents"))["items"]) == 1


async def _repeated_by_prometheus(town: Town) -> bool:
    """Known to us already: repeats, or late copies of what Alertmanager has just timed out."""
    known = [await town.counted("nightshift_alerts_total", source="prometheus", result=r) for r in ("repeats", "late")]
    return sum(known) >= SEEN_ALERTS_MIN


async def _alerts(town: Town, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before = {}
    while True:
        page = await town.get(f"/incidents/{number}/alerts", limit=100, **before)
        found += page["items"]
        if page["next"] is None:
            return found
        before = {"before": page["next"]}


async def _approve(town: Town, approval: dict[str, Any]) -> None:
    answer = await town.client.post(
        f"{town.nightshift}/api/v1/approvals/{approval['id']}/decision",
        json={"verdict": "approve", "intent_hash": approval["intent_hash"], "reason": "the release is to blame"},
        headers={"Authorization": f"Bearer {town.keys['on-call']}"},
    )
    assert answer.status_code == 200, answer.text


async def _rolled_back_once(town: Town, key: str) -> None:
    async def calls() -> Any:
        lines = (await town.client.get(f"{town.deployer}/calls")).json()
        return [line for line in lines if line["op"] == "rollback" and line["event"] == "received"]

    (only,) = await town.until("the rollback at the deploy tool", calls, 15)
    assert only["key"] == key
    assert only["args"] == {"service": "shop", "to_version": "2.4.0"}


async def _verified_by_prometheus(town: Town, number: int, execution: str, database: Database) -> None:
    async def stable() -> Any:
        return (await town.get(f"/executions/{execution}"))["state"] == "stable"

    await town.until("a stable execution", stable, 40)
    (verdict,) = await _events(town, number, "verdict")
    assert verdict["reason"] == "good_for_long_enough"
    errors = "sum(rate(shop_request_errors_total[3s])) / sum(rate(shop_requests_total[3s]))"
    assert max(await town.ask_prometheus(errors)) < 0.2
    with psycopg.connect(database.owner_url) as conn:
        collected = conn.execute("SELECT count(*) FROM samples").fetchone()
        checks = conn.execute(
            "SELECT state, traffic FROM checks WHERE execution_id = %s ORDER BY at", (execution,)
        ).fetchall()
    assert collected == (0,), "every number came from Prometheus"
    assert {state for state, _ in checks} >= {"good"}
    assert all(traffic > 0 for _, traffic in checks)
    assert len(await _events(town, number, "learned")) == 1


async def _resolved(town: Town, number: int) -> None:
    """The alerts end through Alertmanager; the incident resolves; there was never a second one, or a second page."""

    async def state() -> Any:
        return (await town.get(f"/incidents/{number}"))["state"] == "resolved"

    await town.until("a resolved incident", state, 30)
    assert await town.firing() == set()
    assert (await town.get(f"/incidents/{number}"))["firing_count"] == 0
    assert len((await town.get("/incidents"))["items"]) == 1
    assert [page["incident"] for page in await _pages(town)] == [number]


def _other_snippets_work(town: Town) -> None:
    assert '"stored":1' in town.shell("change")
    assert '"known":1' in town.shell("change")
    assert "ConnectionTest" in town.shell("try")


async def _test_alert_came_and_went(town: Town) -> None:
    newest = (await town.get("/incidents", service="connection-test"))["items"][0]

    async def state() -> Any:
        return (await town.get(f"/incidents/{newest['number']}"))["state"] == "resolved"

    await town.until("the end of the test alert", state, 15)


async def _events(town: Town, number: int, kind: str) -> list[dict[str, Any]]:
    page = await town.get(f"/incidents/{number}/events", follow="false", limit=500)
    return [row for row in page["items"] if row["kind"] == kind]
