"""The second factor: begun, confirmed, asked for; each code opens once; recovery codes for when the phone is lost."""

import asyncio
import time
from typing import Any

import pyotp
import pytest

from core.errors import BadConfiguration
from engine.sealing import seal, seal_key, unseal
from engine.settings import Settings
from tests.api.test_people import actions, made, send
from tests.api.test_sessions import KEY, PASSWORD, desk, log_in

__all__ = ["desk"]


def code(secret: str, steps: int = 0) -> str:
    """What the app shows now, or will in some steps."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


async def own(door: Any, path: str, body: Any, holder: str = "early") -> Any:
    return await send(door, "POST", f"/auth/totp{path}", body, holder=holder)


async def enrolled(door: Any, holder: str = "early") -> tuple[str, list[str]]:
    """The secret and the recovery codes of somebody who set it up, with the code of the step before used."""
    begun = await own(door, "", {"password": PASSWORD}, holder)
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    done = await own(door, "/confirm", {"code": code(secret, -1)}, holder)
    assert done.status_code == 200, done.text
    return secret, done.json()["recovery_codes"]


async def test_a_login_needs_a_code_from_the_confirmation_on(desk: Any) -> None:
    wrong = await own(desk, "", {"password": "not this one"})
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "wrong")
    begun = (await own(desk, "", {"password": PASSWORD})).json()
    assert begun["uri"].startswith("otpauth://totp/Nightshift:early?secret=" + begun["secret"])
    async with desk.client() as browser:
        assert (await log_in(browser)).status_code == 200, "not confirmed yet"
        assert (await own(desk, "/confirm", {"code": "000000"})).status_code == 422
        secret, recovery = await enrolled(desk)
        assert (len(set(recovery)), secret != begun["secret"]) == (10, True), "begun again, the older one is gone"
        needed = await log_in(browser)
        assert (needed.status_code, needed.json()["reason"]) == (401, "code_needed")
        assert (await log_in(browser, code="123456", password="wrong guess")).json()["reason"] == "login_failed"
        answer = await log_in(browser, code=f" {code(secret)[:3]} {code(secret)[3:]} ")
        assert (answer.status_code, answer.json()["second_factor"]) == (200, True), answer.text
    assert (await own(desk, "", {"password": PASSWORD})).status_code == 409
    seen = (await send(desk, "GET", "/people/early")).json()
    assert (seen["second_factor_since"] is not None, seen["recovery_codes"]) == (True, 10)
    stored = str(await desk.rows("SELECT f::text, encode(sealed, 'escape') AS s FROM second_factors f")) + str(
        await desk.rows("SELECT encode(digest, 'escape') AS d FROM recovery_codes")
    )
    for word in (secret, *recovery):
        assert word not in stored


async def test_no_code_opens_twice_and_none_from_before_one_that_did(desk: Any) -> None:
    secret, _ = await enrolled(desk)
    now, following = code(secret), code(secret, 1)
    async with desk.client() as browser:
        assert (await log_in(browser, code=code(secret, -1))).status_code == 401, "the one of the confirmation"
        both = await asyncio.gather(*(log_in(browser, code=following) for _ in range(3)))
        assert sorted(answer.status_code for answer in both) == [200, 401, 401]
        assert (await log_in(browser, code=now)).status_code == 401


@pytest.mark.parametrize("steps", [-10, -3, 3, 10])
async def test_a_code_of_another_time_does_not_open(desk: Any, steps: int) -> None:
    secret, _ = await enrolled(desk)
    async with desk.client() as browser:
        assert (await log_in(browser, code=code(secret, steps))).status_code == 401


async def test_each_recovery_code_opens_once_however_it_is_typed(desk: Any) -> None:
    _, recovery = await enrolled(desk)
    async with desk.client() as browser:
        for typed in (recovery[0], recovery[1].lower(), recovery[2].replace("-", " ")):
            assert (await log_in(browser, code=typed)).status_code == 200
            assert (await log_in(browser, code=typed)).status_code == 401
    assert (await send(desk, "GET", "/people/early")).json()["recovery_codes"] == 7
    assert (await actions(desk, "early")).count("recovery_code.use") == 3


async def test_ten_wrong_codes_an_hour_are_all_and_a_recovery_code_still_opens(desk: Any) -> None:
    secret, recovery = await enrolled(desk)
    async with desk.client() as browser:
        for _ in range(10):
            assert (await log_in(browser, code="000000")).status_code == 401
            await desk.rows("UPDATE guesses SET at = at - interval '61 seconds' RETURNING id")  # the account may again
        blocked = await log_in(browser, code=code(secret))
        assert (blocked.status_code, int(blocked.headers["retry-after"]) > 60) == (429, True)
        assert (await log_in(browser, code=recovery[0])).status_code == 200


async def test_it_is_removed_with_password_and_code_or_by_an_admin(desk: Any) -> None:
    secret, recovery = await enrolled(desk)
    for body in (
        {"password": PASSWORD},
        {"password": PASSWORD, "code": "000000"},
        {"password": "x", "code": recovery[0]},
    ):
        assert (await own(desk, "/remove", body)).status_code == 422
    assert (await own(desk, "/remove", {"password": PASSWORD, "code": code(secret)})).status_code == 200
    async with desk.client() as browser:
        assert (await log_in(browser)).status_code == 200
        await enrolled(desk)
        assert (await log_in(browser)).status_code == 401
        assert (await send(desk, "POST", "/people/early/reset-second-factor")).status_code == 200
        assert (await log_in(browser)).status_code == 200
    assert (await own(desk, "/remove", {"password": PASSWORD})).status_code == 409
    rows = await desk.rows("SELECT actor FROM audit WHERE action = 'second_factor.remove' ORDER BY id")
    assert [row["actor"] for row in rows] == ["person:early", "person:the admin"]


async def test_what_was_begun_too_long_ago_is_not_confirmed(desk: Any) -> None:
    begun = (await own(desk, "", {"password": PASSWORD})).json()
    await desk.rows("UPDATE second_factors SET created_at = created_at - interval '16 minutes' RETURNING person_id")
    assert (await own(desk, "/confirm", {"code": code(begun["secret"])})).status_code == 422
    assert (await own(desk, "/confirm", {"code": "1"})).status_code == 422
    assert (await own(desk, "/confirm", {"code": "000000"}, holder="viewer")).status_code == 409


async def test_a_break_glass_person_logs_in_with_a_second_factor_for_an_hour(desk: Any) -> None:
    await made(desk, "glass", "break-glass")
    await send(desk, "POST", "/auth/password", {"new": PASSWORD}, holder="glass")
    async with desk.client() as browser:
        refused = await log_in(browser, name="glass")
        assert (refused.status_code, refused.json()["reason"]) == (403, "second_factor_needed")
        secret, _ = await enrolled(desk, "glass")
        assert "Max-Age=3600" in (await log_in(browser, name="glass", code=code(secret))).headers["set-cookie"]


def test_what_is_sealed_opens_with_the_same_key_at_the_same_place_only(tmp_path: Any) -> None:
    key = seal_key(Settings(NIGHTSHIFT_DATA_DIR=tmp_path / "new"))
    assert seal_key(Settings(NIGHTSHIFT_DATA_DIR=tmp_path / "new")) == key, "the file is made once"
    file = tmp_path / "new" / "secret.key"
    assert file.stat().st_mode & 0o777 == 0o600
    sealed = seal(key, "secret", "here")
    assert unseal(key, sealed, "here") == "secret"
    assert sealed != seal(key, "secret", "here")
    other = seal_key(Settings(NIGHTSHIFT_SECRET_KEY=KEY))
    for wrong_key, changed, place, said in (
        (other, sealed, "here", "another key"),
        (key, sealed, "there", "changed or moved"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "here", "changed or moved"),
    ):
        with pytest.raises(BadConfiguration, match=said):
            unseal(wrong_key, changed, place)
    for short in ("too short", "a" * 40):
        with pytest.raises(BadConfiguration, match="NIGHTSHIFT_SECRET_KEY"):
            seal_key(Settings(NIGHTSHIFT_SECRET_KEY=short))
    file.write_bytes(b"cut")
    with pytest.raises(BadConfiguration, match="32 bytes"):
        seal_key(Settings(NIGHTSHIFT_DATA_DIR=tmp_path / "new"))
