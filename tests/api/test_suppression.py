"""Silences, windows, inhibitions and escalation policies at the front door: who may, versions, faults, repeats."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.frequency import Habit, frequency
from store import firing
from store.pool import now
from tools.act.gate import maintenance_of

SILENCE = {"matchers": ["service=cart", "alertname=~Disk.*"], "reason": "we are on it", "for_s": 3600}
WINDOW = {
    "title": "upgrade", "matchers": ["service=cart"], "starts_at": "2026-03-07T22:00:00+01:00", "duration_s": 7200,
    "repeat": "weekly", "zone": "Europe/Berlin", "weekdays": [5],
}  # fmt: skip
INHIBITION = {"title": "host", "source": ["alertname=HostDown"], "target": ["severity!=critical"], "equal": ["host"]}
ESCALATION = {"title": "shop", "steps": [{"who": "on-call", "after_s": 0}], "priorities": ["P1", "P2"]}
HEARTBEAT = {"title": "nightly backup", "matchers": ["alertname=NightlyBackup"], "interval_s": 86_400}
BODIES = {
    "silences": SILENCE,
    "maintenance-windows": WINDOW,
    "inhibitions": INHIBITION,
    "escalation-policies": ESCALATION,
    "heartbeat-rules": HEARTBEAT,
}


async def send(door: Any, method: str, path: str, body: Any = None, holder: str = "operator", **headers: str) -> Any:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    async with door.client(holder) as client:
        return await client.request(method, f"/api/v1/{path}", json=body, headers=given)


async def made(door: Any, path: str, body: Any, holder: str = "operator") -> Any:
    answer = await send(door, "POST", path, body, holder)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("path", BODIES)
async def test_made_read_changed_and_ended_and_every_version_kept(door: Any, path: str) -> None:
    body = BODIES[path]
    first = await made(door, path, body)
    assert (first["version"], first["state"], first["created_by"]) == (1, "active", "person:the operator")
    read = await send(door, "GET", f"{path}/{first['id']}", holder="viewer")
    assert (read.json(), read.headers["etag"]) == (first, '"1"')
    second = await send(door, "PUT", f"{path}/{first['id']}", body, If_Match='"1"')
    assert (second.status_code, second.json()["version"]) == (200, 2)
    assert (await send(door, "PUT", f"{path}/{first['id']}", body, If_Match='"1"')).status_code == 412
    ended = (await send(door, "POST", f"{path}/{first['id']}/expire")).json()
    assert (ended["state"], ended["version"]) == ("expired", 3)
    for method, rest in (("PUT", ""), ("POST", "/expire")):
        assert (await send(door, method, f"{path}/{first['id']}{rest}", body)).status_code == 409
    assert (await send(door, "GET", path)).json()["items"] == []
    assert [one["id"] for one in (await send(door, "GET", f"{path}?state=all")).json()["items"]] == [first["id"]]
    kept = await door.rows("SELECT version FROM notice_rule_versions ORDER BY version")
    assert [row["version"] for row in kept] == [1, 2, 3]
    audited = await door.rows(
        "SELECT action, to_state, detail FROM audit WHERE subject LIKE %s ORDER BY id", f"%{first['id']}"
    )
    assert [row["action"].split(".")[1] for row in audited] == ["create", "update", "expire"]
    assert audited[0]["detail"] == first["body"]


@pytest.mark.parametrize("path", BODIES)
async def test_the_same_key_makes_it_once(door: Any, path: str) -> None:
    answers = [await send(door, "POST", path, BODIES[path], Idempotency_Key="k1") for _ in range(2)]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len((await send(door, "GET", path)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("path", "holder", "status"),
    [
        ("silences", "viewer", 403),
        ("silences", "responder", 201),
        ("silences", "prometheus", 403),
        ("maintenance-windows", "approver", 403),
        ("inhibitions", "responder", 403),
        ("escalation-policies", "responder", 403),
    ],
)
async def test_whoever_is_on_call_silences_and_operators_set_the_rest(
    door: Any, path: str, holder: str, status: int
) -> None:
    assert (await send(door, "POST", path, BODIES[path], holder)).status_code == status


@pytest.mark.parametrize("matchers", [[], ["service=~.*"], ["service="], ["severity!=info"]])
async def test_a_silence_over_everything_needs_an_operators_word(door: Any, matchers: list[str]) -> None:
    broad = {**SILENCE, "matchers": matchers}
    refused = await send(door, "POST", "silences", broad)
    assert refused.status_code == 422
    assert "too broad" in refused.json()["detail"]
    named = {**broad, "override": "too_broad"}
    answer = await send(door, "POST", "silences", named, "responder")
    assert (answer.status_code, answer.json()["reason"]) == (403, "too_broad")
    await made(door, "silences", named)
    [row] = await door.rows("SELECT reason FROM audit WHERE action = 'silence.create'")
    assert row["reason"] == "too_broad"


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        ("silences", {"reason": " "}, "reason"),
        ("silences", {"for_s": None}, "when it ends"),
        ("silences", {"for_s": 0}, "more than 0"),
        ("silences", {"for_s": 91 * 86_400}, "at most"),
        ("silences", {"ends_at": "2026-03-07T22:00:00Z"}, "`ends_at` or by `for_s`"),
        ("silences", {"for_s": None, "ends_at": "tomorrow"}, "with its offset"),
        ("silences", {"for_s": None, "ends_at": "2020-01-01T00:00:00Z"}, "more than 0"),
        ("silences", {"matchers": ["cart"]}, "is not a matcher"),
        ("silences", {"matchers": ["service=cart", "pod=~(a"]}, "never closed"),
        ("silences", {"matchers": "service=cart"}, "expected a list"),
        ("silences", {"colour": "red"}, "unknown key 'colour'"),
        ("silences", {"override": "everything"}, "too_broad"),
        ("maintenance-windows", {"zone": "Mars/Olympus"}, "no time zone"),
        ("maintenance-windows", {"zone": "../etc/passwd"}, "no time zone"),
        ("maintenance-windows", {"weekdays": [7]}, "0 (Monday) to 6"),
        ("maintenance-windows", {"repeat": "daily"}, "only for a weekly"),
        ("maintenance-windows", {"repeat": "hourly"}, "once, daily, weekly"),
        ("maintenance-windows", {"duration_s": 8 * 86_400}, "duration_s"),
        ("maintenance-windows", {"starts_at": "2026-03-07T22:00:00"}, "with its offset"),
        (
            "maintenance-windows",
            {"starts_at": "2020-03-07T22:00:00Z", "repeat": "once", "weekdays": []},
            "over already",
        ),
        ("inhibitions", {"target": []}, "each need a matcher"),
        ("inhibitions", {"source": ["a=~b"]}, "too broad"),
        ("escalation-policies", {"steps": []}, "1 to 20 steps"),
        ("escalation-policies", {"steps": [{"who": "x"}]}, "'after_s' is missing"),
        ("escalation-policies", {"priorities": ["P9"]}, "P1, P2, P3, P4"),
        ("heartbeat-rules", {"title": ""}, "title"),
        ("heartbeat-rules", {"interval_s": 0}, "have it learned"),
        ("heartbeat-rules", {"matchers": []}, "only heartbeats have"),
        ("heartbeat-rules", {"matchers": ["alertname=~.*"]}, "only heartbeats have"),
        ("heartbeat-rules", {"matchers": ["service=cart", "severity=none"]}, "only heartbeats have"),
        ("heartbeat-rules", {"override": "too_broad"}, "unknown key 'override'"),
    ],
)
async def test_a_fault_is_told_in_words_and_nothing_is_written(
    door: Any, path: str, change: dict[str, Any], said: str
) -> None:
    answer = await send(door, "POST", path, {**BODIES[path], **change})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert await door.rows("SELECT 1 FROM notice_rules") == []


async def test_a_silence_of_tomorrow_is_pending(door: Any) -> None:
    begin = datetime.now(UTC) + timedelta(days=1)
    told = await made(door, "silences", {**SILENCE, "starts_at": begin.isoformat()})
    assert told["state"] == "pending"
    assert datetime.fromisoformat(told["ends_at"]) - datetime.fromisoformat(told["starts_at"]) == timedelta(hours=1)


async def test_one_kind_is_not_found_as_another(door: Any) -> None:
    silence = await made(door, "silences", SILENCE)
    assert (await send(door, "GET", f"inhibitions/{silence['id']}")).status_code == 404
    assert (await send(door, "POST", f"inhibitions/{silence['id']}/expire")).status_code == 404


async def test_lists_are_paged_newest_first(door: Any) -> None:
    ids = [(await made(door, "silences", SILENCE))["id"] for _ in range(3)]
    first = (await send(door, "GET", "silences?limit=2")).json()
    second = (await send(door, "GET", f"silences?limit=2&before={first['next']}")).json()
    assert [one["id"] for one in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None


async def test_the_gate_can_ask_for_maintenance_and_people_for_the_frequency(door: Any) -> None:
    """Another label than the alert's own, its place, is matched too; a window that is not open is none."""
    alert = {"name": "DiskFull", "service": "cart", "status": "firing", "labels": {"route": "/pay"}}
    assert (await door.post("/api/v1/webhooks/generic/shopmon", alert, "shopmon")).status_code < 300
    [incident] = await door.rows("SELECT id, signature FROM incidents")

    async def asked() -> Any:
        async with door.store.begin() as conn:
            return await maintenance_of(conn, incident["id"], await now(conn))

    assert await asked() is None
    begin = datetime.now(UTC) - timedelta(minutes=5)
    once = {"title": "now", "starts_at": begin.isoformat(), "duration_s": 3600}
    await made(door, "maintenance-windows", {**once, "matchers": ["service=other"]})
    assert await asked() is None
    window = await made(door, "maintenance-windows", {**once, "matchers": ["service=cart", "severity=~warn.*"]})
    found = await asked()
    assert (found.window.id, found.until, found.reason) == (window["id"], begin + timedelta(hours=1), "planned")
    assert (await send(door, "POST", f"maintenance-windows/{window['id']}/expire")).status_code == 200
    assert await asked() is None

    async with door.store.begin() as conn:
        times = await firing.occurrences(conn, incident["signature"], await now(conn))
        seen = frequency(times, await now(conn))
    assert (seen.hour, seen.month, seen.habit) == (1, 1, Habit.RARE)
