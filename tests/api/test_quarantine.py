"""What could not be used is found and read, and forgotten when it is old or too much."""

from typing import Any

import pytest

from store import deliveries, idempotency, quarantine

PATH = "/api/v1/quarantine"


async def keep(door: Any, reason: str, body: bytes, source: str = "shopmon") -> None:
    async with door.store.begin() as conn:
        await quarantine.keep(conn, source=source, reason=reason, detail="why", body=body)


async def test_an_unreadable_body_is_found_by_its_source_and_read(door: Any) -> None:
    sent = b'{"name": "\xff\x00\x1b[2Jb\xc3\xa4d'
    answer = await door.post("/api/v1/webhooks/generic/shopmon", sent, "shopmon")
    assert answer.status_code == 400
    [one] = (await door.get(f"{PATH}?source=shopmon", "operator")).json()["items"]
    assert one["body_bytes"] == len(sent)
    assert "body" not in one
    read = (await door.get(f"{PATH}/{one['id']}", "operator")).json()
    assert read["body"] == '{"name": "\\xff\\u0000\\u001b[2Jbäd'
    assert {name: read[name] for name in one} == one


async def test_pages_filters_and_counts(door: Any) -> None:
    for n in range(5):
        await keep(door, "not_json" if n % 2 else "too_deep", b"x" * n, "a" if n < 3 else "b")
    seen: list[Any] = []
    query = "limit=2"
    while True:
        page = (await door.get(f"{PATH}?{query}", "operator")).json()
        seen += page["items"]
        if page["next"] is None:
            break
        query = f"limit=2&before={page['next']}"
    assert [one["body_bytes"] for one in seen] == [4, 3, 2, 1, 0]
    assert {(c["source"], c["reason"]): c["bodies"] for c in page["facets"]} == {
        ("a", "too_deep"): 2, ("a", "not_json"): 1, ("b", "not_json"): 1, ("b", "too_deep"): 1,
    }  # fmt: skip
    only = (await door.get(f"{PATH}?source=a&reason=not_json", "operator")).json()["items"]
    assert [one["body_bytes"] for one in only] == [1]
    assert (await door.get(f"{PATH}/0193f0a0-0000-7000-8000-000000000000", "operator")).status_code == 404


@pytest.mark.parametrize("holder", ["viewer", "responder", "approver", "shopmon"])
async def test_bodies_are_not_for_everybody(door: Any, holder: str) -> None:
    assert (await door.get(PATH, holder)).status_code == 403


async def test_old_bodies_go_and_so_do_the_oldest_of_too_many(door: Any) -> None:
    for n in range(4):
        await keep(door, f"r{n}", b"x" * 100)
    await door.rows(
        "UPDATE quarantine SET received_at = store.now() - interval '31 days' WHERE reason = 'r0' RETURNING 1"
    )

    async def forget(bytes_max: int) -> list[str]:
        async with door.store.begin() as conn:
            await quarantine.forget(conn, older_than_s=30 * 86_400, bytes_max=bytes_max)
        return [row["reason"] for row in await door.rows("SELECT reason FROM quarantine ORDER BY id")]

    assert await forget(10_000) == ["r1", "r2", "r3"]
    assert await forget(200) == ["r2", "r3"]
    assert await forget(199) == ["r3"]


async def test_old_idempotency_keys_and_deliveries_go(door: Any) -> None:
    async with door.store.begin() as conn:
        for name in ("old", "new"):
            await idempotency.begin(conn, "person:x", name, "hash")
            await deliveries.take(conn, "hub", name)
    await door.rows(
        "UPDATE idempotency_keys SET created_at = store.now() - interval '8 days' WHERE key = 'old' RETURNING 1"
    )
    async with door.store.begin() as conn:
        await idempotency.forget(conn, older_than_s=7 * 86_400)
    left = await door.rows("SELECT principal, key FROM idempotency_keys ORDER BY principal")
    assert left == [{"principal": "delivery:hub", "key": "new"}, {"principal": "person:x", "key": "new"}]
