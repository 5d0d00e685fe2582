"""A sender proves itself, or nothing is stored: missing, forged and stale signatures, secrets that are never shown."""

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any, get_args

import pytest

from api.access import SOURCE_KINDS
from api.routes.sources import SETTINGS, NewSource

PAYLOADS = Path(__file__).parent / "payloads" / "senders"
SECRET = "a-secret-of-thirty-two-letters-x"
ALERT = (PAYLOADS / "grafana" / "firing.json").read_bytes()
NOTHING = "SELECT 1 FROM alerts UNION ALL SELECT 1 FROM changes UNION ALL SELECT 1 FROM quarantine"


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def stamped(body: bytes, at: float, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at))
    return {"X-Stamp": stamp, "X-Sign": signed(stamp.encode() + b":" + body, secret)}


async def make(door: Any, kind: str, **settings: Any) -> str:
    answer = await door.post("/api/v1/sources", {"name": kind, "kind": kind, **settings}, "admin")
    assert answer.status_code == 201, answer.text
    door.keys[kind] = answer.json()["key"]
    return f"/api/v1/webhooks/{kind}/{kind}"


@pytest.mark.parametrize("header", ["X-Grafana-Alerting-Signature", "X-Grafana-Alert-Signature"])
async def test_grafana_signs_the_bare_body_and_needs_no_key_then(door: Any, header: str) -> None:
    url = await make(door, "grafana", secret=SECRET)
    assert (await door.post(url, ALERT, None, **{header: signed(ALERT)})).json()["new"] == 1
    assert (await door.post(url, ALERT, "grafana", **{header: signed(ALERT)})).json()["repeats"] == 1


async def test_grafana_signs_the_time_too_where_the_source_says_so(door: Any) -> None:
    url = await make(door, "grafana", secret=SECRET, signature_header="X-Sign", timestamp_header="X-Stamp")
    assert (await door.post(url, ALERT, None, **stamped(ALERT, time.time()))).json()["new"] == 1
    now = time.time()
    for headers, reason in (
        (stamped(ALERT, now - 400), "signature_stale"),
        (stamped(ALERT, now + 400), "signature_stale"),
        ({**stamped(ALERT, now - 400), "X-Stamp": str(int(now))}, "signature_forged"),
        ({"X-Sign": signed(ALERT)}, "signature_missing"),
        ({"X-Sign": signed(ALERT), "X-Stamp": "soon"}, "signature_forged"),
        ({"X-Sign": signed(ALERT), "X-Stamp": "9" * 40}, "signature_forged"),
    ):
        answer = await door.post(url, ALERT, None, **headers)
        assert (answer.status_code, answer.json()["reason"]) == (401, reason), headers


@pytest.mark.parametrize(
    ("kind", "header", "prefix", "more"),
    [
        ("grafana", "X-Grafana-Alerting-Signature", "", {}),
        ("sentry", "Sentry-Hook-Signature", "", {"Sentry-Hook-Resource": "issue"}),
        ("github", "X-Hub-Signature-256", "sha256=", {"X-GitHub-Event": "push"}),
    ],
)
async def test_what_is_not_signed_rightly_is_refused_and_not_stored(
    door: Any, kind: str, header: str, prefix: str, more: dict[str, str]
) -> None:
    url = await make(door, kind, secret=SECRET)
    file = {"sentry": "issue-created", "github": "push-to-the-default-branch", "grafana": "firing"}[kind]
    body = (PAYLOADS / kind / f"{file}.json").read_bytes()
    right = signed(body)
    for value, reason in (
        (None, "signature_missing"),
        ("", "signature_missing"),
        (prefix + signed(body, "another-secret-of-some-letters"), "signature_forged"),
        (prefix + right[:-1], "signature_forged"),
        (prefix + right.upper(), "signature_forged"),
        ("sha1=" + right, "signature_forged"),
        (prefix + "é" * 64, "signature_forged"),
    ):
        headers = {**more, **({} if value is None else {header: value})}
        for key in (None, kind):  # a good key does not stand in for the signature
            answer = await door.post(url, body, key, **{n: v.encode() for n, v in headers.items()})
            assert (answer.status_code, answer.json()["reason"]) == (401, reason), (value, key)
    changed = body.replace(b"shop", b"cart")
    assert (await door.post(url, changed, None, **{**more, header: prefix + right})).status_code == 401
    assert await door.rows(NOTHING) == []
    assert (await door.post(url, body, None, **{**more, header: prefix + right})).status_code == 200
    assert len(await door.rows(NOTHING)) == 1


async def test_sentry_signs_bytes_and_not_their_meaning(door: Any) -> None:
    url = await make(door, "sentry", secret=SECRET)
    body = json.loads((PAYLOADS / "sentry" / "event_alert-triggered.json").read_bytes())
    raw = json.dumps(body, ensure_ascii=False).encode()
    same = json.dumps(body, ensure_ascii=True).encode()
    assert raw != same
    headers = {"Sentry-Hook-Resource": "event_alert", "Sentry-Hook-Signature": signed(raw)}
    assert (await door.post(url, same, None, **headers)).status_code == 401
    assert (await door.post(url, raw, None, **headers)).json()["new"] == 1


async def test_generic_senders_may_sign_our_way(door: Any) -> None:
    url = await make(door, "generic", secret=SECRET)
    body, stamp = b'{"title": "Disk full"}', str(int(time.time()))
    headers = {"X-Nightshift-Timestamp": stamp, "X-Nightshift-Signature": signed(stamp.encode() + b":" + body)}
    assert (await door.post(url, body, None, **headers)).json()["new"] == 1
    assert (await door.post(url, body, "generic")).status_code == 401


async def test_gitlab_shows_its_token(door: Any) -> None:
    url = await make(door, "gitlab", secret=SECRET)
    body = (PAYLOADS / "gitlab" / "deployment-success.json").read_bytes()
    for headers in ({}, {"X-Gitlab-Token": SECRET[:-1]}, {"X-Gitlab-Token": SECRET.upper()}):
        assert (await door.post(url, body, None, **headers)).status_code == 401
    assert await door.rows(NOTHING) == []
    assert (await door.post(url, body, None, **{"X-Gitlab-Token": SECRET})).json()["stored"] == 1


async def test_without_a_secret_the_key_of_the_source_is_needed(door: Any) -> None:
    url = await make(door, "sentry")
    await door.add_source("other", "sentry")
    body = (PAYLOADS / "sentry" / "legacy.json").read_bytes()
    assert (await door.post(url, body, None)).status_code == 401
    assert (await door.post(url, body, None, **{"Sentry-Hook-Signature": signed(body, "")})).status_code == 401
    assert (await door.post(url, body, "shopmon")).status_code == 403
    assert (await door.post(url, body, "other")).json()["reason"] == "other_source"
    assert (await door.post(url, body, "sentry")).json()["new"] == 1


async def test_a_stranger_is_not_told_which_sources_there_are(door: Any) -> None:
    url = await make(door, "grafana", secret=SECRET)
    there = await door.post(url, ALERT, None)
    nobody = await door.post("/api/v1/webhooks/grafana/nobody", ALERT, None)
    other_kind = await door.post("/api/v1/webhooks/grafana/shopmon", ALERT, None)
    assert there.json() == nobody.json() == other_kind.json()
    assert there.status_code == 401


async def test_a_disabled_source_is_believed_no_more(door: Any) -> None:
    url = await make(door, "grafana", secret=SECRET)
    await door.rows("UPDATE sources SET disabled_at = store.now() WHERE name = 'grafana' RETURNING id")
    answer = await door.post(url, ALERT, None, **{"X-Grafana-Alerting-Signature": signed(ALERT)})
    assert answer.status_code == 401


async def test_a_secret_is_never_shown(door: Any) -> None:
    made = await door.post("/api/v1/sources", {"name": "gf", "kind": "grafana", "secret": SECRET}, "admin")
    listed = await door.get("/api/v1/sources", "admin")
    assert SECRET not in made.text + listed.text
    [shown] = [source for source in listed.json()["sources"] if source["name"] == "gf"]
    assert (shown["settings"], shown["signed"]) == ({}, True)
    audit = await door.rows("SELECT * FROM audit")
    keys = await door.rows("SELECT * FROM idempotency_keys")
    assert SECRET not in str(audit) + str(keys)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"kind": "github"}, "needs `secret`"),
        ({"kind": "gitlab"}, "needs `secret`"),
        ({"kind": "cloudwatch"}, "needs `topics`"),
        ({"kind": "cloudwatch", "topics": ["arn:aws:sqs:eu-west-1:123456789012:x"]}, "form that this route needs"),
        ({"kind": "grafana", "secret": "short"}, "form that this route needs"),
        ({"kind": "grafana", "timestamp_header": "X-Stamp"}, "need the `secret`"),
        ({"kind": "grafana", "secret": SECRET, "signature_header": "X Sign"}, "form that this route needs"),
        ({"kind": "signoz", "secret": SECRET}, "Only a source of kind `generic` or `grafana`"),
        ({"kind": "datadog", "mapping": {"title": "$.a"}}, "Only a source of kind `generic`"),
        ({"kind": "datadog", "labels": {"bad name": "x"}}, "form that this route needs"),
    ],
)
async def test_settings_that_a_kind_cannot_use_are_refused(door: Any, wanted: dict[str, Any], said: str) -> None:
    answer = await door.post("/api/v1/sources", {"name": "n", **wanted}, "admin")
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text


def test_every_kind_of_source_has_its_settings() -> None:
    assert set(get_args(NewSource.model_fields["kind"].annotation)) == SETTINGS.keys() == set(SOURCE_KINDS)
