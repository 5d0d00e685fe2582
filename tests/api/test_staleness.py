"""What is not repeated any more is unknown: shown so, told once, neither resolved nor a sign of health."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from core.site import Site
from core.staleness import STALE_FACTOR, TELL_AFTER_S, Freshness, repeat_interval, staleness
from core.verdict import CheckState
from engine.house import House
from engine.signals import read_signals
from engine.staleness import sweep_stale
from engine.telling import page_incident
from store import staleness as stored
from store.pool import now

V4, V2 = "/api/v1/webhooks/alertmanager", "/api/v2/alerts"
REPEAT_S = 600.0
LONG_S = REPEAT_S * STALE_FACTOR + TELL_AFTER_S


def alert(name: str = "DiskFull", status: str = "firing", **more: Any) -> dict[str, Any]:
    return {"status": status, "labels": {"alertname": name, "service": "cart", "severity": "critical"}, **more}


async def send(door: Any, *alerts: Any, url: str = V4, holder: str = "am") -> Any:
    answer = await door.post(url, {"alerts": alerts} if url == V4 else list(alerts), holder)
    assert answer.status_code == 200, answer.text
    return answer


async def repeats(door: Any, name: str, interval_s: float | None, holder: str = "admin") -> Any:
    async with door.client(holder) as client:
        body = {"repeat_interval_s": interval_s}
        return await client.put(f"/api/v1/sources/{name}/repeat-interval", json=body)


async def passes(door: Any, seconds: float) -> None:
    """Time goes by, and the sweep comes twice."""
    async with door.store.begin() as conn:
        span = f"interval '{seconds} seconds'"
        await conn.execute(f"UPDATE alerts SET last_received_at = last_received_at - {span} WHERE ended_at IS NULL")
        await conn.execute(f"UPDATE stale_alerts SET since = since - {span}")
    for _ in range(2):
        await sweep_stale(door.house)


async def incident(door: Any) -> Any:
    [one] = (await door.get("/api/v1/incidents")).json()["items"]
    return (await door.get(f"/api/v1/incidents/{one['number']}")).json()


async def statuses(door: Any) -> list[str]:
    return [one["status"] for one in (await door.get("/api/v1/incidents/1/alerts")).json()["items"]]


async def kinds(door: Any, *wanted: str) -> list[str]:
    rows = (await door.get("/api/v1/incidents/1/events?follow=false&limit=200")).json()["items"]
    return [row["kind"] for row in rows if row["kind"] in wanted]


@pytest.fixture
async def am(door: Any) -> Any:
    """A door with a source that repeats every ten minutes."""
    await door.add_source("am", "alertmanager", repeat_interval_s=REPEAT_S)
    return door


async def test_an_alert_that_is_not_repeated_is_unknown_until_it_is(am: Any) -> None:
    await send(am, alert(), alert("Other"))
    await passes(am, REPEAT_S * STALE_FACTOR - 5)
    assert await statuses(am) == ["firing", "firing"]
    await passes(am, 10)
    assert await statuses(am) == ["unknown", "unknown"]
    seen = await incident(am)
    assert (seen["state"], seen["firing_count"], seen["unknown_count"]) == ("open", 2, 2)
    assert [(one["name"], one["firing"], one["unknown"]) for one in seen["alerts"]] == [
        ("DiskFull", 1, 1), ("Other", 1, 1),
    ]  # fmt: skip
    assert await am.rows("SELECT 1 FROM due WHERE kind = 'resolve_incident'") == []
    await send(am, alert())
    await passes(am, 0)
    assert sorted(await statuses(am)) == ["firing", "unknown"]
    await send(am, alert("Other", "resolved", endsAt="2026-01-01T00:00:00Z", startsAt="2025-01-01T00:00:00Z"))
    await send(am, alert("Other", "resolved"))
    await passes(am, 0)
    assert sorted(await statuses(am)) == ["firing", "resolved"]
    assert await kinds(am, "alerts.stale", "alerts.fresh") == ["alerts.stale", "alerts.fresh"]
    assert (await incident(am))["unknown_count"] == 0


async def test_a_person_is_told_once_with_the_counts(am: Any) -> None:
    house: Any = am.house
    await send(am, alert(), alert("Other"))
    await passes(am, LONG_S - 5)
    query = "SELECT args->>'incident_id' AS id FROM procrastinate_jobs WHERE args->>'kind' = 'stale'"
    assert await am.rows(query) == []
    await passes(am, 10)
    await send(am, alert())
    await passes(am, 0)
    [job] = await am.rows(query)
    for _ in range(2):  # a job may run twice
        await page_incident(house, job["id"], "stale")
    told = "SELECT body FROM notifications WHERE kind = 'stale'"
    [row] = await am.rows(told)
    assert (row["body"]["firing"], row["body"]["unknown"]) == (2, 1)
    await passes(am, LONG_S + 10)  # the other too
    for job in await am.rows(query):
        await page_incident(house, job["id"], "stale")
    assert len(await am.rows(told)) == 1


async def test_what_was_repeated_meanwhile_is_not_told(am: Any) -> None:
    await send(am, alert())
    await passes(am, LONG_S + 10)
    await send(am, alert())
    await passes(am, 0)
    [row] = await am.rows("SELECT id FROM incidents")
    await page_incident(am.house, str(row["id"]), "stale")
    assert await am.rows("SELECT 1 FROM notifications WHERE kind = 'stale'") == []


async def test_where_no_interval_is_known_nothing_is_ever_stale(door: Any) -> None:
    await send(door, alert(), holder="prometheus")
    await passes(door, 10 * 86_400)
    assert await statuses(door) == ["firing"]


@pytest.mark.parametrize(("minutes", "allowed_s"), [(4, 240), (20, 1_200), (1, 240)])
async def test_the_end_that_prometheus_gives_is_a_promise_to_repeat_before_it(
    door: Any, minutes: int, allowed_s: float
) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    await send(door, alert(endsAt=end), url=V2, holder="prometheus")
    await passes(door, allowed_s - 10)
    assert await statuses(door) == ["firing"]
    await passes(door, 20)
    assert await statuses(door) == ["unknown"]
    await send(door, alert(endsAt=end), url=V2, holder="prometheus")
    await passes(door, 0)
    assert await statuses(door) == ["firing"]


async def test_the_webhook_promises_nothing_by_an_end(door: Any) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    await send(door, alert(endsAt=end), holder="prometheus")
    await passes(door, 86_400)
    assert await statuses(door) == ["firing"]


async def test_an_operator_knows_better_than_the_promise(door: Any) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    await send(door, alert(endsAt=end), url=V2, holder="prometheus")
    assert (await repeats(door, "prometheus", 3_600)).json() == {"name": "prometheus", "repeat_interval_s": 3_600}
    await passes(door, 10_000)
    assert await statuses(door) == ["firing"]
    assert (await repeats(door, "prometheus", 60)).status_code == 200
    await passes(door, 0)
    assert await statuses(door) == ["unknown"]
    assert (await repeats(door, "prometheus", 40_000)).status_code == 200
    await passes(door, 0)
    assert await statuses(door) == ["firing"]


async def test_the_interval_is_an_admins_word_about_sources_that_repeat(door: Any) -> None:
    assert (await repeats(door, "prometheus", 60, "operator")).status_code == 403
    assert (await repeats(door, "nobody", 60)).status_code == 404
    assert (await repeats(door, "deployer", 60)).status_code == 422
    assert (await repeats(door, "prometheus", 0)).status_code == 422
    await door.add_source("signed", "grafana", secret="a-secret-of-thirty-two-letters-x")
    assert (await repeats(door, "signed", 60)).status_code == 200
    listed = (await door.get("/api/v1/sources", "operator")).json()["sources"]
    [one] = [source for source in listed if source["name"] == "signed"]
    assert (one["settings"], one["signed"]) == ({"repeat_interval_s": 60}, True)
    new = {"name": "am2", "kind": "alertmanager", "repeat_interval_s": 14_400}
    assert (await door.post("/api/v1/sources", new, "admin")).status_code == 201


async def test_the_word_of_a_sender_that_fell_silent_is_missing_not_health(am: Any) -> None:
    """An action is judged by the senders' alerts: firing is bad, stale proves nothing, only the resolve is good."""
    await send(am, alert())
    house: House = SimpleNamespace(store=am.store, client=None)  # type: ignore[assignment]
    [row] = await am.rows("SELECT * FROM incidents")

    async def signals() -> tuple[CheckState, str]:
        async with am.store.begin() as conn:
            moment = await now(conn)
        found = await read_signals(house, Site(), row, {"intent": {"parameters": {}}}, moment)
        return found.state, found.detail

    assert (await signals())[0] is CheckState.BAD
    await passes(am, 10 * REPEAT_S)
    state, detail = await signals()
    assert (state, detail) == (
        CheckState.MISSING, "1 alerts of their senders still fire, 1 of them not repeated any more",
    )  # fmt: skip
    await send(am, alert(status="resolved"))
    assert (await signals())[0] is CheckState.GOOD


async def test_the_database_marks_what_the_core_calls_stale(am: Any) -> None:
    await send(am, alert())
    for age_s, repeat_s, promised_s in (
        (0, None, None), (9_999_999, None, None), (30, 10, None), (31, 10, None), (30, 10, 900), (31, 10, 900),
        (900, None, 900), (901, None, 900), (901, 400, 900), (1_201, 400, 900), (0, 1, 240),
    ):  # fmt: skip
        async with am.store.begin() as conn:
            await conn.execute("DELETE FROM stale_alerts")
            body = json.dumps({} if repeat_s is None else {"repeat_interval_s": repeat_s})
            await conn.execute("UPDATE sources SET settings = %s::jsonb WHERE name = 'am'", [body])
            await conn.execute("SELECT set_config('nightshift.now', '2026-03-01T00:00:00Z', true)")
            moment = await now(conn)
            last = moment - timedelta(seconds=age_s)
            await conn.execute("UPDATE alerts SET last_received_at = %s, promised_s = %s", [last, promised_s])
            is_stale = [row["is_stale"] for row in await stored.sweep(conn)] == [True]
            expected = staleness(last, moment, repeat_s=repeat_interval(repeat_s, promised_s)).state
            assert is_stale is (expected is Freshness.STALE), (age_s, repeat_s, promised_s)
            assert await stored.sweep(conn) == []
