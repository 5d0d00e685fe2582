"""Nobody gets in without a key, and a key opens only what its role may."""

import re
from typing import Any

import pytest

from api.access import LADDER, OPEN_PATHS, SOURCE_KINDS, KnownKeys, Principal, Role, key_of
from api.app import needs_of, routes_of, undeclared
from store import people
from store.people import new_key

OPEN = {
    *("/health/live", "/health/ready", "/openapi.json", "/docs", "/api/v1/auth/login", "/api/v1/auth/enrol"),
    "/api/v1/chat/telegram/{channel}",
    "/api/v1/chat/slack/{channel}",
}
PERSONS = [role for role in Role if role is not Role.MACHINE]


async def test_every_route_asks_for_a_role_and_keeps_to_it(door: Any) -> None:
    """All routes x all holders of keys: without a key 401, without the role 403, with it anything else."""
    walked = 0
    described = (await door.get("/openapi.json")).json()["paths"].keys()
    assert OPEN_PATHS == OPEN, "a route that is open to everybody is written down here too"
    written = {getattr(route, "path_format", route.path) for route in routes_of(door.app)}
    assert written == described | OPEN, "no route escapes the walk"
    for route in routes_of(door.app):
        wanted = needs_of(route)
        if route.path in OPEN:
            assert not wanted
            continue
        assert len(wanted) == 1, f"{route.path} must ask for exactly one role"
        path = re.sub(r"\{[^}]+\}", "0193f0a0-0000-7000-8000-000000000000", route.path)
        for method in route.methods:
            walked += 1
            assert await status(door, method, path, None) == 401, route.path
            for holder in [*PERSONS, "prometheus", "shopmon", "deployer", "scraper"]:
                allowed = wanted[0].allows(await principal(door, holder))
                got = await status(door, method, path, holder)
                if not allowed:
                    assert got == 403, f"{holder} at {method} {route.path}: {got}"
                elif "generic" not in route.path:
                    assert got not in (401, 403), f"{holder} at {method} {route.path}: {got}"
    assert walked > 10


async def test_an_application_with_a_route_that_asks_for_nothing_is_noticed(door: Any) -> None:
    assert undeclared(door.app) == []
    door.app.add_api_route("/api/v1/forgotten", lambda: {})
    assert undeclared(door.app) == ["/api/v1/forgotten"]


async def test_a_machine_posts_to_its_own_kind_and_nothing_else(door: Any) -> None:
    for route in routes_of(door.app):
        for needed in needs_of(route):
            kinds = [kind for kind in SOURCE_KINDS if machine(kind, needed)]
            is_webhook = route.path.startswith(("/api/v1/webhooks/", "/api/v2/", "/api/v1/exceptions"))
            assert len(kinds) == (1 if is_webhook or route.path == "/metrics" else 0), route.path


@pytest.mark.parametrize("role", list(Role))
def test_roles_are_a_ladder_and_the_machine_stands_apart(role: Role) -> None:
    covered = {needed for needed in Role if role.covers(needed)}
    if role is Role.MACHINE:
        assert covered == set()
    elif role is Role.BREAK_GLASS:
        assert covered == {*LADDER, Role.BREAK_GLASS} - {Role.ADMIN}, "an emergency gives nobody rights"
    else:
        assert covered == set(LADDER[: LADDER.index(role) + 1])


async def test_a_refusal_says_what_is_missing(door: Any) -> None:
    nobody = await door.get("/api/v1/sources", None)
    assert nobody.headers["www-authenticate"] == 'Bearer realm="nightshift"'
    assert nobody.headers["content-type"] == "application/problem+json"
    viewer = await door.get("/api/v1/sources", "viewer")
    assert viewer.json()["detail"] == "This needs the role operator; this key has the role viewer."
    wrong_kind = await door.post("/api/v1/webhooks/changes", {}, "prometheus")
    assert wrong_kind.status_code == 403
    assert "source of kind changes; this key has a source of kind alertmanager" in wrong_kind.json()["detail"]


async def test_wrong_keys_do_not_open(door: Any) -> None:
    good = door.keys["admin"]
    for header in (
        f"Bearer {new_key()}",
        f"Bearer {good[:-1]}",
        f"Bearer {good}x",
        f"Token {good}",
        good,
        "Bearer",
        "Basic !!!",
        "Basic " + "A" * 10_000,
    ):
        async with door.client() as client:
            answer = await client.get("/api/v1/people", headers={"Authorization": header})
        assert answer.status_code == 401, header[:40]
    async with door.client() as client:
        assert (await client.get(f"/api/v1/people?key={good}&access_token={good}")).status_code == 401
        assert (await client.get("/api/v1/people", headers={"authorization": f"bEaReR  {good}"})).status_code == 200


def test_only_what_looks_like_a_key_is_looked_up() -> None:
    assert key_of(f"Bearer {new_key()}")
    for header in ("", "Bearer ns_short", "Basic bm9w", "Bearer ns_" + "é" * 43, "Basic \u20ac"):
        assert key_of(header) is None


async def test_a_revoked_key_of_a_source_stops_after_the_cache_forgets_and_a_persons_at_once(door: Any) -> None:
    clock = [100.0]
    keys = KnownKeys(door.store, clock=lambda: clock[0])
    person, source = door.keys["viewer"], door.keys["prometheus"]
    assert await keys.principal(person)
    assert await keys.principal(source)
    async with door.store.begin() as conn:
        for key in (person, source):
            await conn.execute("UPDATE api_keys SET revoked_at = store.now() WHERE digest = %s", [people.digest(key)])
    assert await keys.principal(person) is None
    assert await keys.principal(source), "known for a few seconds"
    clock[0] += 5.0
    assert await keys.principal(source) is None


async def test_a_disabled_source_cannot_send(door: Any) -> None:
    await door.rows("UPDATE sources SET disabled_at = store.now() WHERE name = 'prometheus' RETURNING id")
    assert (await door.post("/api/v2/alerts", [])).status_code == 401


async def test_a_new_persons_key_is_shown_once_and_works(door: Any) -> None:
    made = await door.post("/api/v1/people", {"name": "person on call", "role": "approver"}, "admin")
    assert made.status_code == 201
    door.keys["new"] = made.json()["key"]
    assert (await door.get("/api/v1/changes", "new")).status_code == 200
    listed = (await door.get("/api/v1/people", "admin")).text
    assert "person on call" in listed
    assert door.keys["new"] not in listed
    stored = str(await door.rows("SELECT digest::text, hint FROM api_keys")) + str(
        await door.rows("SELECT * FROM audit")
    )
    assert door.keys["new"] not in stored
    taken = await door.post("/api/v1/people", {"name": "person on call", "role": "viewer"}, "admin")
    assert (taken.status_code, "choose another name" in taken.json()["detail"]) == (422, True)
    machine_role = await door.post("/api/v1/people", {"name": "m", "role": "machine"}, "admin")
    assert machine_role.status_code == 422


async def test_a_new_source_can_send(door: Any) -> None:
    made = await door.post("/api/v1/sources", {"name": "second", "kind": "alertmanager"}, "admin")
    door.keys["second"] = made.json()["key"]
    answer = await door.post("/api/v2/alerts", [{"labels": {"alertname": "A"}}], "second")
    assert answer.status_code == 200
    assert (await door.rows("SELECT source FROM alerts")) == [{"source": "second"}]
    assert [s["name"] for s in (await door.get("/api/v1/sources", "operator")).json()["sources"]] == [
        "deployer", "prometheus", "scraper", "second", "shopmon",
    ]  # fmt: skip


async def test_the_same_request_twice_under_one_idempotency_key_runs_once(door: Any) -> None:
    wanted = {"name": "once", "kind": "metrics"}
    first = await door.post("/api/v1/sources", wanted, "admin", **{"Idempotency-Key": "k1"})
    again = await door.post("/api/v1/sources", wanted, "admin", **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert "key" not in again.json(), "a key is shown once, and kept nowhere"
    assert again.headers["idempotency-replayed"] == "true"
    other = await door.post("/api/v1/sources", {**wanted, "name": "twice"}, "admin", **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["reason"]) == (422, "key_reused")
    long = await door.post("/api/v1/sources", wanted, "admin", **{"Idempotency-Key": "k" * 201})
    assert long.status_code == 422
    assert len(await door.rows("SELECT 1 FROM sources WHERE name IN ('once', 'twice')")) == 1


async def test_a_request_that_failed_leaves_its_idempotency_key_free(door: Any) -> None:
    taken = await door.post(
        "/api/v1/sources", {"name": "prometheus", "kind": "metrics"}, "admin", **{"Idempotency-Key": "k2"}
    )
    assert taken.status_code == 422
    free = await door.post("/api/v1/sources", {"name": "free", "kind": "metrics"}, "admin", **{"Idempotency-Key": "k2"})
    assert free.status_code == 201


async def principal(door: Any, holder: str) -> Principal:
    found = await door.app.state.keys.principal(door.keys[holder])
    assert found
    return found


def machine(kind: str, needed: Any) -> bool:
    return needed.allows(Principal("source", people.UUID(int=1), "m", Role.MACHINE, kind))


async def status(door: Any, method: str, path: str, holder: str | None) -> int:
    async with door.client(holder) as client:
        request = client.build_request(method, path)
        answer = await client.send(request, stream=True)  # a stream of events has no end
        await answer.aclose()
        return answer.status_code
