"""A chat account becomes a person by a code that is asked for here and typed there; and push targets."""

import asyncio
from typing import Any

import pytest

from engine.linking import redeem
from store import identities
from store.guesses import TooManyGuesses
from store.identities import Account
from tests.api.test_people import actions, made, send

CHAT = {"platform": "telegram", "workspace": "7301", "account": "99"}


async def new_code(door: Any, holder: str = "early") -> str:
    answer = await send(door, "POST", "/auth/link-code", holder=holder)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def typed(door: Any, code: str, holder: str = "admin", **chat: str) -> Any:
    return await send(door, "POST", "/identities/redeem", {**CHAT, **chat, "code": code}, holder=holder)


async def who(door: Any, **chat: str) -> Any:
    query = "&".join(f"{name}={value}" for name, value in {**CHAT, **chat}.items())
    return (await send(door, "GET", f"/identities/who?{query}")).json()["person"]


@pytest.fixture
async def staff(door: Any) -> Any:
    for name in ("early", "night"):
        await made(door, name, "approver")
    return door


async def test_a_code_links_the_account_that_typed_it_once(staff: Any) -> None:
    code = await new_code(staff)
    assert await who(staff) is None
    linked = await typed(staff, code.lower().replace("-", " "))
    assert (linked.status_code, linked.json()) == (200, {"person": "early", "role": "approver"})
    assert await who(staff) == "early"
    assert [await who(staff, **{name: "other"}) for name in CHAT] == [None, None, None]
    again = await typed(staff, code, account="100")
    assert (again.status_code, again.json()["reason"]) == (403, "code_no_good")
    (own,) = (await send(staff, "GET", "/auth/identities", holder="early")).json()["identities"]
    assert {name: own[name] for name in CHAT} == CHAT
    stored = str(await staff.rows("SELECT encode(digest, 'escape') AS d FROM one_time_codes"))
    assert code not in stored
    assert (await actions(staff, "early"))[-2:] == ["code.link", "identity.link"]


async def test_only_the_newest_code_is_good_and_for_ten_minutes(staff: Any) -> None:
    old, new = await new_code(staff), await new_code(staff)
    assert (await typed(staff, old)).status_code == 403
    await staff.rows("UPDATE one_time_codes SET expires_at = store.now() RETURNING purpose")
    assert (await typed(staff, new)).status_code == 403
    enrolment = (await send(staff, "POST", "/people/early/enrolment")).json()["token"]
    assert (await typed(staff, enrolment[:40])).status_code == 403


async def test_an_account_is_one_person_until_it_is_revoked(staff: Any) -> None:
    await typed(staff, await new_code(staff))
    await typed(staff, await new_code(staff))
    other = await new_code(staff, "night")
    refused = await typed(staff, other)
    assert (refused.status_code, refused.json()["reason"]) == (409, "linked_to_another")
    (own,) = (await send(staff, "GET", "/people/early/identities")).json()["identities"]
    foreign = await send(staff, "POST", f"/auth/identities/{own['id']}/revoke", holder="night")
    assert foreign.status_code == 404
    left = await send(staff, "POST", f"/auth/identities/{own['id']}/revoke", holder="early")
    assert left.json() == {"identities": []}
    assert await who(staff) is None
    assert (await typed(staff, other)).json()["person"] == "night", "the code was not used up by the refusal"
    (theirs,) = (await send(staff, "GET", "/people/night/identities")).json()["identities"]
    assert (await send(staff, "POST", f"/people/night/identities/{theirs['id']}/revoke")).status_code == 200
    assert await who(staff) is None


async def test_whoever_leaves_is_a_stranger_in_the_chat_at_once(staff: Any) -> None:
    await typed(staff, await new_code(staff))
    waiting = await new_code(staff)
    await send(staff, "POST", "/people/early/deactivate")
    assert await who(staff) is None
    assert (await typed(staff, waiting)).status_code == 403
    await send(staff, "POST", "/people/early/activate")
    assert await who(staff) is None, "they link it anew"
    staff.keys["early"] = (await send(staff, "POST", "/people/early/keys", {})).json()["key"]
    await typed(staff, await new_code(staff))
    await staff.rows("UPDATE persons SET disabled_at = store.now() WHERE name = 'early' RETURNING id")
    assert await who(staff) is None, "whatever is left of the link"


async def test_an_account_tries_five_codes_in_ten_minutes_even_at_once(staff: Any) -> None:
    code = await new_code(staff)
    tries = await asyncio.gather(*(typed(staff, f"2222{n}-22222") for n in range(2, 9)))
    assert sorted(answer.status_code for answer in tries) == [403] * 5 + [429] * 2
    assert (await typed(staff, code)).status_code == 429
    assert (await typed(staff, code, account="100")).status_code == 200, "another account is not held up by it"
    with pytest.raises(TooManyGuesses):
        await redeem(staff.store, Account(**CHAT), code)


async def test_one_code_raced_by_two_accounts_links_one(staff: Any) -> None:
    code = await new_code(staff)
    answers = await asyncio.gather(*(typed(staff, code, account=str(n)) for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]


async def test_who_may_do_what_with_identities(staff: Any) -> None:
    await made(staff, "glass", "break-glass")
    assert (await send(staff, "POST", "/auth/link-code", holder="glass")).status_code == 422
    assert (await typed(staff, "x", holder="operator")).status_code == 403
    for body in ({"platform": "T g"}, {"account": ""}, {"workspace": "a\nb"}):
        assert (await typed(staff, "x", **body)).status_code == 422
    async with staff.store.begin() as conn:
        assert await identities.person_of(conn, Account("slack", "T1", "U1")) is None


async def test_push_targets_are_rows_that_an_admin_verifies(staff: Any) -> None:
    body = {"kind": "ntfy", "address": "my-secret-topic"}
    added = await send(staff, "POST", "/auth/push-targets", body, holder="early")
    assert (added.status_code, added.json()["verified_at"]) == (201, None)
    assert (await send(staff, "POST", "/auth/push-targets", body, holder="early")).status_code == 422
    assert (await send(staff, "POST", "/auth/push-targets", body, holder="night")).status_code == 201
    target = added.json()["id"]
    assert (await send(staff, "POST", f"/people/night/push-targets/{target}/verify")).status_code == 404
    verified = await send(staff, "POST", f"/people/early/push-targets/{target}/verify")
    assert verified.json()["targets"][0]["verified_at"] is not None
    assert (await send(staff, "DELETE", f"/auth/push-targets/{target}", holder="night")).status_code == 404
    assert (await send(staff, "DELETE", f"/auth/push-targets/{target}", holder="early")).json() == {"targets": []}
    assert len((await send(staff, "GET", "/people/night/push-targets")).json()["targets"]) == 1
    assert "my-secret-topic" not in str(await staff.rows("SELECT a::text FROM audit a"))
    many = [await send(staff, "POST", "/auth/push-targets", {**body, "address": f"t{n}"}, "early") for n in range(21)]
    assert [answer.status_code for answer in many] == [201] * 20 + [422]
