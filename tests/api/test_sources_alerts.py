"""Alerts of every sender in its own words: one condition is one alert, from its first firing to its resolve."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from core.errors import BadInput
from ingest import cloudwatch, datadog, exceptions, grafana, sentry, signoz

PAYLOADS = Path(__file__).parent / "payloads" / "senders"
KINDS = ("grafana", "sentry", "signoz", "datadog", "cloudwatch")
NOW = datetime(2026, 1, 1, 10, tzinfo=UTC)
PARSERS: dict[str, Any] = {
    "grafana": lambda body, name: grafana.parse(body, "s", NOW),
    "signoz": lambda body, name: signoz.parse(body, "s", NOW),
    "datadog": lambda body, name: datadog.parse(body, "s", NOW),
    "cloudwatch": lambda body, name: cloudwatch.parse(body, "s", NOW),
    "exceptions": lambda body, name: exceptions.parse(body, "s", NOW),
    "sentry": lambda body, name: sentry.parse(body, "s", NOW, resource_of(name)),
}
ODD: tuple[Any, ...] = (
    None, "", " ", "x" * 5_000, "nul\x00", "half \ud800", 0, -1, 10**30, 1.5e300, True, [], {}, [[]], [None],
    {"": None}, {"a": [1]}, "9999-99-99T99:99:99Z", "0001-01-01T00:00:00+14:00",
)  # fmt: skip


def payload(path: str) -> Any:
    return json.loads((PAYLOADS / f"{path}.json").read_text())


def resource_of(name: str) -> str:
    """The header Sentry-Hook-Resource: the payload is named after it."""
    first = name.partition("-")[0]
    return "" if first == "legacy" else first


async def send(door: Any, path: str) -> dict[str, Any]:
    kind, name = path.split("/")[0], path.split("/")[-1]
    headers = {"Sentry-Hook-Resource": resource} if kind == "sentry" and (resource := resource_of(name)) else {}
    answer = await door.post(f"/api/v1/webhooks/{kind}/{kind}", payload(path), kind, **headers)
    assert answer.status_code == 200, answer.text
    counts: dict[str, Any] = answer.json()
    return counts


async def the_alert(door: Any) -> dict[str, Any]:
    [row] = await door.rows("SELECT * FROM alerts ORDER BY received_at")
    return dict(row)


@pytest.fixture
async def senders(door: Any) -> Any:
    for kind in KINDS:
        await door.add_source(kind, kind)
    return door


@pytest.mark.parametrize(
    ("first", "again", "what", "over"),
    [
        ("grafana/firing", "grafana/firing", "repeats", "grafana/resolved"),
        ("grafana/legacy-alerting", "grafana/legacy-no-data", "changed", "grafana/legacy-ok"),
        ("sentry/event_alert-triggered", "sentry/event_alert-again-other-event", "changed", "sentry/issue-resolved"),
        ("sentry/issue-created", "sentry/issue-created", "repeats", "sentry/issue-archived"),
        ("sentry/metric_alert-critical", "sentry/metric_alert-warning", "changed", "sentry/metric_alert-resolved"),
        ("sentry/legacy", "sentry/legacy", "repeats", "sentry/issue-resolved"),
        ("signoz/v4-firing", "signoz/flat-firing", "changed", "signoz/flat-resolved"),
        ("datadog/triggered", "datadog/renotify", "repeats", "datadog/recovered"),
        ("datadog/triggered", "datadog/re-triggered", "changed", "datadog/recovered"),
        ("datadog/triggered", "datadog/warn", "changed", "datadog/recovered"),
        ("cloudwatch/alarm", "cloudwatch/insufficient-data", "changed", "cloudwatch/ok"),
    ],
)
async def test_a_condition_fires_comes_again_and_ends_as_one_alert(
    senders: Any, first: str, again: str, what: str, over: str
) -> None:
    assert (await send(senders, first))["new"] == 1
    assert (await send(senders, again))[what] == 1
    assert (await send(senders, over))["resolved"] == 1
    assert (await the_alert(senders))["status"] == "resolved"


@pytest.mark.parametrize(
    ("path", "name", "severity", "service", "starts_at"),
    [
        ("grafana/firing", "HighErrorRate", "critical", "shop", "2026-01-01T08:00:00"),
        ("grafana/legacy-alerting", "Queue grows", "critical", "orders", None),
        ("sentry/event_alert-triggered", "ConnectionError", "warning", "shop", "2026-01-01T07:59:59.250000"),
        ("sentry/issue-created", "ConnectionError", "warning", "shop", "2026-01-01T07:59:59.250000"),
        ("sentry/metric_alert-critical", "Failure rate of checkout", "critical", "shop", "2026-01-01T08:00:00"),
        ("sentry/metric_alert-open-is-undocumented", "Failure rate of checkout", "warning", "shop", None),
        ("signoz/flat-firing", "SlowCheckout", "warning", "shop", "2026-01-01T08:00:00"),
        ("datadog/triggered", "Errors of the shop", "warning", "shop", "2026-01-01T08:00:00"),
        ("cloudwatch/alarm", "orders-db-cpu", "warning", "orders-db", "2026-01-01T08:00:00"),
        ("cloudwatch/composite-without-a-metric", "orders-db-cpu", "warning", "-", "2026-01-01T08:00:00"),
    ],
)
async def test_fields_are_where_every_sender_has_them(
    senders: Any, path: str, name: str, severity: str, service: str, starts_at: str | None
) -> None:
    await send(senders, path)
    row = await the_alert(senders)
    assert (row["name"], row["severity"], row["service"]) == (name, severity, service)
    if starts_at:
        assert row["starts_at"] == datetime.fromisoformat(starts_at).replace(tzinfo=UTC)
    assert "nightshift_flags" not in row["annotations"] or "undocumented" in path


@pytest.mark.parametrize(
    "path", ["grafana/no-data", "grafana/legacy-no-data", "datadog/no-data", "cloudwatch/insufficient-data"]
)
async def test_no_data_is_neither_health_nor_silence(senders: Any, path: str) -> None:
    await send(senders, path)
    row = await the_alert(senders)
    assert (row["status"], "nightshift_no_data" in row["annotations"]) == ("firing", True)


@pytest.mark.parametrize(
    "path",
    ["grafana/legacy-paused", "sentry/issue-assigned", "sentry/installation-created", "sentry/comment-created"],
)
async def test_what_says_nothing_about_a_condition_changes_nothing(senders: Any, path: str) -> None:
    assert (await send(senders, path))["received"] == 0
    assert await senders.rows("SELECT 1 FROM alerts UNION ALL SELECT 1 FROM quarantine") == []


async def test_grafana_counts_the_rule_in_and_says_what_it_left_out(senders: Any) -> None:
    assert (await send(senders, "grafana/two-rules-of-one-name"))["new"] == 2
    assert (await send(senders, "grafana/truncated"))["truncated"] == 7


async def test_a_sentry_issue_that_comes_back_is_a_new_episode_of_the_same_alert(senders: Any) -> None:
    for name in ("issue-created", "issue-resolved", "issue-unresolved"):
        await send(senders, f"sentry/{name}")
    rows = await senders.rows("SELECT identity, status FROM alerts ORDER BY received_at")
    assert [row["status"] for row in rows] == ["resolved", "firing"]
    assert {row["identity"] for row in rows} == {"sentry/sentry:issue/1170820242"}


async def test_sentry_may_send_a_request_twice(senders: Any) -> None:
    headers = {"Sentry-Hook-Resource": "issue", "Request-ID": "d1"}
    url = "/api/v1/webhooks/sentry/sentry"
    first = await senders.post(url, payload("sentry/issue-created"), "sentry", **headers)
    again = await senders.post(url, payload("sentry/issue-created"), "sentry", **headers)
    assert (first.json()["new"], again.json()) == (1, {"received": 0, "known": "d1"})
    assert (await the_alert(senders))["occurrences"] == 1
    bad = await senders.post(url, b"{", "sentry", **{**headers, "Request-ID": "d2"})
    assert bad.status_code == 400
    good = await senders.post(url, payload("sentry/issue-resolved"), "sentry", **{**headers, "Request-ID": "d2"})
    assert good.json()["resolved"] == 1, "what could not be read was not taken"


async def test_datadog_may_send_a_form(senders: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    fields = {name: value for name, value in payload("datadog/triggered").items() if isinstance(value, str)}
    url = "/api/v1/webhooks/datadog/datadog"
    assert (await senders.post(url, urlencode(fields).encode(), "datadog", **form)).json()["new"] == 1
    whole = urlencode({"payload": json.dumps(payload("datadog/recovered"))}).encode()
    assert (await senders.post(url, whole, "datadog", **form)).json()["resolved"] == 1
    for flawed in (b"", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(300)), b"payload=%7B", b"payload=%ED%A0%80"):
        assert (await senders.post(url, flawed, "datadog", **form)).status_code == 400


async def test_datadog_without_a_cycle_is_known_by_monitor_and_scope(senders: Any) -> None:
    await send(senders, "datadog/without-cycle-and-aggregate")
    assert (await the_alert(senders))["identity"] == "datadog/datadog:monitor/77/env:prod,host:shop-1"


async def test_a_source_may_fix_labels_that_its_sender_cannot_change(door: Any) -> None:
    wanted = {"name": "dd", "kind": "datadog", "labels": {"environment": "staging", "service": "cart"}}
    door.keys["dd"] = (await door.post("/api/v1/sources", wanted, "admin")).json()["key"]
    await door.post("/api/v1/webhooks/datadog/dd", payload("datadog/triggered"), "dd")
    row = await the_alert(door)
    assert (row["environment"], row["service"]) == ("staging", "cart")


FLAWED = sorted(
    p.relative_to(PAYLOADS).with_suffix("").as_posix() for kind in KINDS for p in PAYLOADS.glob(f"{kind}/flawed/*")
)


@pytest.mark.parametrize("path", FLAWED)
async def test_a_flawed_payload_is_kept_readable_in_quarantine(senders: Any, path: str) -> None:
    kind, _, name = path.split("/")
    headers = {"Sentry-Hook-Resource": resource_of(name)} if kind == "sentry" else {}
    answer = await senders.post(f"/api/v1/webhooks/{kind}/{kind}", payload(path), kind, **headers)
    assert answer.status_code in (200, 400), answer.text
    assert not await senders.rows("SELECT 1 FROM alerts")
    [kept] = await senders.rows("SELECT source, reason, detail, body FROM quarantine")
    assert kept["source"] == kind
    assert json.loads(bytes(kept["body"])) is not None


GOOD = sorted(
    p.relative_to(PAYLOADS).with_suffix("").as_posix() for kind in PARSERS for p in PAYLOADS.glob(f"{kind}/*.json")
)


@pytest.mark.parametrize("path", GOOD)
def test_whatever_stands_in_a_field_the_parser_answers_with_alerts_or_a_reason(path: str) -> None:
    kind, name = path.split("/")
    body, tried = payload(path), 0
    for changed in broken(body):
        tried += 1
        try:
            parsed = PARSERS[kind](changed, name)
        except BadInput:
            continue
        for alert in parsed.alerts:
            texts = [alert.identity, *alert.labels, *alert.labels.values(), *alert.annotations.values()]
            assert "\x00" not in "".join(texts).encode().decode()
            assert alert.name
            assert len(alert.identity.encode()) <= 512
    assert tried > 20


def broken(value: Any) -> Any:
    """The same payload again and again, with each place in it replaced by each odd value, or gone."""
    yield from ODD
    if isinstance(value, dict):
        for name in value:
            yield {other: inner for other, inner in value.items() if other != name}
            for changed in broken(value[name]):
                yield {**value, name: changed}
    elif isinstance(value, list):
        for number in range(len(value)):
            for changed in broken(value[number]):
                yield [*value[:number], changed, *value[number + 1 :]]
