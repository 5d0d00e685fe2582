"""Somebody comes, gets keys and another role, and leaves: what opened ends at once, what they did stays."""

import asyncio
from typing import Any


async def send(
    door: Any, method: str, path: str, body: Any = None, holder: str | None = "admin", **headers: str
) -> Any:
    async with door.client(holder) as client:
        return await client.request(method, f"/api/v1{path}", json=body, headers=headers)


async def made(door: Any, name: str, role: str) -> str:
    """Add a person; their key is known to the door under their name."""
    answer = await send(door, "POST", "/people", {"name": name, "role": role})
    assert answer.status_code == 201, answer.text
    door.keys[name] = answer.json()["key"]
    return name


async def actions(door: Any, name: str) -> list[str]:
    rows = await door.rows("SELECT action FROM audit WHERE subject = %s ORDER BY id", f"person:{name}")
    return [row["action"] for row in rows]


async def test_a_person_is_read_with_their_credentials_but_never_the_key(door: Any) -> None:
    await made(door, "early", "approver")
    await send(door, "POST", "/teams", {"name": "shop", "members": ["early"]})
    answer = await send(door, "GET", "/people/early")
    seen = answer.json()
    assert (seen["role"], seen["teams"], seen["password_set_at"], seen["second_factor_since"]) == (
        "approver", ["shop"], None, None,
    )  # fmt: skip
    assert [key["hint"] for key in seen["keys"]] == [door.keys["early"][-4:]]
    assert door.keys["early"] not in answer.text
    assert (await send(door, "GET", "/people/nobody")).status_code == 404
    assert (await send(door, "GET", "/people/early", holder="operator")).status_code == 403


async def test_a_new_role_counts_from_the_next_request_on(door: Any) -> None:
    await made(door, "early", "viewer")
    assert (await send(door, "GET", "/sources", holder="early")).status_code == 403
    changed = await send(door, "PUT", "/people/early", {"role": "operator"})
    assert (changed.status_code, changed.json()["role"]) == (200, "operator")
    assert (await send(door, "GET", "/sources", holder="early")).status_code == 200
    await send(door, "PUT", "/people/early", {"role": "viewer"})
    assert (await send(door, "GET", "/sources", holder="early")).status_code == 403
    for role in ("machine", "root", "break-glass"):
        assert (await send(door, "PUT", "/people/early", {"role": role})).status_code == 422
    rows = await door.rows("SELECT from_state, to_state, actor FROM audit WHERE action = 'person.role' ORDER BY id")
    assert [(row["from_state"], row["to_state"]) for row in rows] == [("viewer", "operator"), ("operator", "viewer")]
    assert {row["actor"] for row in rows} == {"person:the admin"}


async def test_whoever_leaves_is_out_at_once_and_their_deeds_stay(door: Any) -> None:
    await made(door, "early", "admin")
    silence = {"matchers": ["service=cart"], "reason": "we are on it", "for_s": 3600}
    assert (await send(door, "POST", "/silences", silence, holder="early")).status_code == 201
    left = await send(door, "POST", "/people/early/deactivate")
    assert (left.status_code, left.json()["disabled_at"] is not None) == (200, True)
    assert (await send(door, "GET", "/silences", holder="early")).status_code == 401
    (kept,) = (await send(door, "GET", "/silences")).json()["items"]
    assert kept["created_by"] == "person:early"
    assert (await send(door, "POST", "/people/early/deactivate")).status_code == 200
    back = await send(door, "POST", "/people/early/activate")
    assert back.json()["disabled_at"] is None
    assert (await send(door, "GET", "/silences", holder="early")).status_code == 401, "an old key stays ended"
    door.keys["again"] = (await send(door, "POST", "/people/early/keys", {})).json()["key"]
    assert (await send(door, "GET", "/silences", holder="again")).status_code == 200
    assert await actions(door, "early") == ["person.add", "key.add", "person.deactivate", "person.activate", "key.add"]


async def test_there_is_always_an_admin_however_two_race(door: Any) -> None:
    for change in (("PUT", "/people/the admin", {"role": "viewer"}), ("POST", "/people/the admin/deactivate", None)):
        refused = await send(door, *change)
        assert (refused.status_code, refused.json()["reason"]) == (409, "last_admin")
        assert "make somebody else admin first" in refused.json()["detail"]
    await made(door, "second", "admin")
    left = await asyncio.gather(
        send(door, "POST", "/people/second/deactivate"),
        send(door, "POST", "/people/the admin/deactivate", holder="second"),
    )
    assert 200 in {answer.status_code for answer in left}
    admins = await door.rows("SELECT name FROM persons WHERE role = 'admin' AND disabled_at IS NULL")
    assert len(admins) == 1


async def test_keys_are_listed_by_their_end_expire_and_are_revoked(door: Any) -> None:
    await made(door, "early", "viewer")
    answer = await send(door, "POST", "/people/early/keys", {"label": "laptop", "expires_s": 3600})
    key = answer.json()
    assert (answer.status_code, key["name"], key["label"], key["created_by"]) == (
        201, "early", "laptop", "person:the admin",
    )  # fmt: skip
    door.keys["laptop"] = key["key"]
    assert (await send(door, "GET", "/changes", holder="laptop")).status_code == 200
    listed = (await send(door, "GET", "/people/early/keys")).json()["keys"]
    assert [one["label"] for one in listed] == ["laptop", "first"]
    await door.rows("UPDATE api_keys SET expires_at = store.now() WHERE id = %s RETURNING id", key["id"])
    assert (await send(door, "GET", "/changes", holder="laptop")).status_code == 401
    first = next(one for one in listed if one["label"] == "first")
    left = await send(door, "POST", f"/people/early/keys/{first['id']}/revoke")
    assert (left.status_code, left.json()) == (200, {"keys": []})
    assert (await send(door, "GET", "/changes", holder="early")).status_code == 401
    assert (await send(door, "POST", f"/people/early/keys/{first['id']}/revoke")).status_code == 200
    foreign = await send(door, "POST", f"/people/the viewer/keys/{first['id']}/revoke")
    assert foreign.status_code == 404
    assert (await send(door, "POST", "/people/early/keys", {"expires_s": 1})).status_code == 422


async def test_a_person_has_twenty_keys_at_most(door: Any) -> None:
    await made(door, "early", "viewer")
    answers = [await send(door, "POST", "/people/early/keys", {}) for _ in range(20)]
    assert [answer.status_code for answer in answers] == [201] * 19 + [422]
    assert "revoke one first" in answers[-1].json()["detail"]


async def test_a_repeated_request_makes_one_key_and_shows_it_once(door: Any) -> None:
    await made(door, "early", "viewer")
    first, again = [await send(door, "POST", "/people/early/keys", {}, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json()["id"] == again.json()["id"]
    assert "key" in first.json()
    assert "key" not in again.json()
    assert len((await send(door, "GET", "/people/early/keys")).json()["keys"]) == 2


async def test_the_key_of_a_break_glass_person_works_for_an_hour_and_the_role_is_no_ones_to_get(door: Any) -> None:
    await made(door, "glass", "break-glass")
    await send(door, "POST", "/people/glass/keys", {"expires_s": 86_400})
    rows = await door.rows(
        "SELECT extract(epoch FROM k.expires_at - k.created_at)::float8 AS s FROM api_keys k"
        " JOIN persons p ON p.id = k.person_id WHERE p.name = 'glass'"
    )
    assert len(rows) == 2
    assert all(3590 < row["s"] < 3610 for row in rows)
    assert (await send(door, "GET", "/sources", holder="glass")).status_code == 200
    assert (await send(door, "GET", "/people", holder="glass")).status_code == 403
    assert (await send(door, "PUT", "/people/glass", {"role": "admin"})).status_code == 422


async def test_a_deactivated_person_gets_no_key(door: Any) -> None:
    await made(door, "early", "viewer")
    await send(door, "POST", "/people/early/deactivate")
    refused = await send(door, "POST", "/people/early/keys", {})
    assert (refused.status_code, refused.json()["reason"]) == (409, "deactivated")
