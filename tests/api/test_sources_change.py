"""A source lives on: shown, changed, given a new key beside the old one, disabled and enabled again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from api import access

SECRET = "0123456789abcdef"
PATH = "/api/v1/sources"
ALERT = {"name": "HighErrorRate", "service": "shop", "status": "firing"}


@pytest.fixture(autouse=True)
def _no_key_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "KEY_CACHE_S", 0.0)


async def send(door: Any, method: str, path: str, body: Any = None, holder: str = "admin", **headers: str) -> Any:
    async with door.client(holder) as client:
        return await client.request(method, f"{PATH}{path}", json=body, headers=headers)


async def added(door: Any, name: str, kind: str, **settings: Any) -> None:
    answer = await send(door, "POST", "", {"name": name, "kind": kind, **settings})
    assert answer.status_code == 201, answer.text
    door.keys[name] = answer.json()["key"]


async def fires(door: Any, holder: str) -> int:
    return int((await door.post("/api/v1/webhooks/generic/app", ALERT, holder)).status_code)


async def test_settings_change_whole_and_a_secret_stays_unless_it_is_named(door: Any) -> None:
    await added(door, "hub", "github", secret=SECRET, environment="test", service="shop")
    changed = await send(door, "PUT", "/hub", {"environment": "live"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["settings"], changed.json()["signed"]) == ({"environment": "live"}, True)
    [kept] = await door.rows("SELECT settings FROM sources WHERE name = 'hub'")
    assert kept["settings"] == {"environment": "live", "secret": SECRET}
    refused = await send(door, "PUT", "/hub", {"secret": None})
    assert (refused.status_code, "needs `secret`" in refused.json()["detail"]) == (422, True)
    refused = await send(door, "PUT", "/hub", {"topics": ["arn:aws:sns:eu-west-1:123456789012:alarms"]})
    assert (refused.status_code, "cloudwatch" in refused.json()["detail"]) == (422, True)
    assert (await send(door, "PUT", "/hub", {"kind": "gitlab"})).status_code == 422
    assert (await send(door, "PUT", "/nobody", {})).status_code == 404
    audited = await door.rows("SELECT detail FROM audit WHERE action = 'source.change'")
    assert audited == [{"detail": {"changed": ["environment", "service"]}}]


async def test_a_mapping_that_cannot_be_read_changes_nothing(door: Any) -> None:
    await added(door, "app", "generic", labels={"team": "shop"})
    refused = await send(door, "PUT", "/app", {"mapping": {"nonsense": 1}})
    assert refused.status_code == 422
    assert (await send(door, "GET", "/app")).json()["settings"] == {"labels": {"team": "shop"}}


async def test_the_old_key_works_beside_the_new_one_until_it_ends(door: Any) -> None:
    await added(door, "app", "generic")
    rotated = await send(door, "POST", "/app/rotate", {"overlap_s": 3600}, **{"Idempotency-Key": "k"})
    assert rotated.status_code == 201
    door.keys["new"] = rotated.json()["key"]
    again = await send(door, "POST", "/app/rotate", {"overlap_s": 3600}, **{"Idempotency-Key": "k"})
    assert "key" not in again.json(), "shown only once"
    assert (await fires(door, "app"), await fires(door, "new")) == (200, 200)
    shown = (await send(door, "GET", "/app")).json()
    assert [key["hint"] for key in shown["keys"]] == [door.keys["new"][-4:], door.keys["app"][-4:]]
    newest, old = shown["keys"]
    ends = datetime.fromisoformat(old["expires_at"]) - datetime.fromisoformat(newest["created_at"])
    assert newest["expires_at"] is None
    assert abs(ends - timedelta(hours=1)) < timedelta(seconds=5)
    await door.rows("UPDATE api_keys SET expires_at = store.now() WHERE expires_at IS NOT NULL RETURNING 1")
    assert (await fires(door, "app"), await fires(door, "new")) == (401, 200)
    assert len((await send(door, "GET", "/app")).json()["keys"]) == 1


async def test_a_key_that_is_known_to_others_ends_at_once(door: Any) -> None:
    await added(door, "app", "generic")
    door.keys["new"] = (await send(door, "POST", "/app/rotate", {"overlap_s": 0})).json()["key"]
    assert (await fires(door, "app"), await fires(door, "new")) == (401, 200)
    # A longer overlap later does not bring it back.
    await send(door, "POST", "/app/rotate", {"overlap_s": 3600})
    assert await fires(door, "app") == 401


async def test_a_disabled_source_is_heard_again_when_it_is_enabled(door: Any) -> None:
    await added(door, "app", "generic")
    for _ in range(2):
        disabled = await send(door, "POST", "/app/disable")
        assert (disabled.status_code, disabled.json()["disabled_at"] is None) == (200, False)
    assert await fires(door, "app") == 401
    assert (await send(door, "POST", "/app/enable")).json()["disabled_at"] is None
    assert await fires(door, "app") == 200
    audited = await door.rows("SELECT action FROM audit WHERE subject = 'source:app' ORDER BY id")
    assert [row["action"] for row in audited] == ["source.add", "source.disable", "source.enable"]


@pytest.mark.parametrize(
    ("method", "rest"), [("PUT", ""), ("POST", "/rotate"), ("POST", "/disable"), ("POST", "/enable")]
)
async def test_only_an_admin_changes_a_source(door: Any, method: str, rest: str) -> None:
    await added(door, "app", "generic")
    assert (await send(door, method, f"/app{rest}", {}, "operator")).status_code == 403
    assert (await send(door, "GET", "/app", holder="operator")).status_code == 200
