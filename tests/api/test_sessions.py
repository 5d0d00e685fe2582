"""Logging in with a password: what it gives, what ends it, what a foreign page cannot do with it, and how slow it is to
guess."""

import asyncio
from typing import Any

import httpx
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.access import Role
from api.app import needs_of, routes_of
from engine.forgetting import forget_old
from engine.passwords import Hasher
from engine.settings import Settings
from tests.api.test_people import actions, made, send

PASSWORD = "four words in a row"
KEY = "a-key-of-the-tests-0123456789-abcdef"


def quick() -> PasswordHash:
    """Argon2id with little memory: the tests are about everything else."""
    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))


@pytest.fixture
async def desk(door: Any) -> Any:
    """The door with a sealing key, and a person with a password."""
    door.house.settings = Settings(NIGHTSHIFT_SECRET_KEY=KEY)
    door.app.state.hasher = Hasher(quick)
    await made(door, "early", "approver")
    first = await send(door, "POST", "/auth/password", {"new": PASSWORD}, holder="early")
    assert first.status_code == 200, first.text
    return door


async def post(client: httpx.AsyncClient, path: str, body: Any = None, **headers: str) -> httpx.Response:
    return await client.post(f"/api/v1{path}", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def log_in(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await post(client, "/auth/login", {"name": "early", "password": PASSWORD, **more})


async def csrf(client: httpx.AsyncClient) -> dict[str, str]:
    """Logged in; what every write has to send."""
    answer = await log_in(client)
    assert answer.status_code == 200, answer.text
    return {"X_CSRF_Token": answer.json()["csrf_token"]}


async def test_a_session_does_what_the_person_may_until_they_log_out(desk: Any) -> None:
    async with desk.client() as browser:
        answer = await log_in(browser)
        cookie = answer.headers["set-cookie"]
        for word in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=604800"):
            assert word in cookie
        assert "Secure" not in cookie, "loopback has no TLS"
        assert answer.headers["cache-control"] == "no-store"
        token = {"X_CSRF_Token": answer.json()["csrf_token"]}
        me = (await browser.get("/api/v1/auth/session")).json()
        assert (me["name"], me["role"], me["second_factor"], me["csrf_token"]) == (
            "early", "approver", False, token["X_CSRF_Token"],
        )  # fmt: skip
        assert (await browser.get("/api/v1/incidents")).status_code == 200
        refused = await browser.get("/api/v1/people")
        assert (refused.status_code, "this session has the role approver" in refused.json()["detail"]) == (403, True)
        silence = {"matchers": ["service=cart"], "reason": "we are on it", "for_s": 3600}
        assert (await post(browser, "/silences", silence, **token)).json()["created_by"] == "person:early"
        kept = dict(browser.cookies.items())
        assert (await post(browser, "/auth/logout", **token)).json() == {"ended": 1}
        assert not browser.cookies
        browser.cookies.update(kept)
        over = await browser.get("/api/v1/incidents")
        assert (over.status_code, over.json()["reason"]) == (401, "session_over")
    stored = str(await desk.rows("SELECT s::text, encode(digest, 'escape') FROM sessions s")) + str(
        await desk.rows("SELECT a::text FROM audit a")
    )
    assert kept["nightshift"] not in stored
    assert PASSWORD not in stored
    assert (await actions(desk, "early"))[-3:] == ["password.set", "session.open", "session.end"]


async def test_beyond_this_machine_the_cookie_is_for_tls_only(desk: Any) -> None:
    async with desk.client() as browser:
        for headers in ({"Host": "nightshift.example"}, {"X-Forwarded-Proto": "https"}):
            answer = await post(browser, "/auth/login", {"name": "early", "password": PASSWORD}, **headers)
            assert answer.headers["set-cookie"].startswith("__Host-nightshift=nss_")
            assert "; Secure" in answer.headers["set-cookie"]


async def test_no_write_of_any_route_goes_without_the_token(desk: Any) -> None:
    """All routes that write: a browser that another page made send the cookie gets 403."""
    walked = 0
    async with desk.client() as browser:
        await csrf(browser)
        for route in routes_of(desk.app):
            asked = needs_of(route)
            if not asked or asked[0].role is Role.MACHINE:  # those look at what is sent first, and take no cookie
                continue
            path = route.path_format
            for method in set(route.methods) - {"GET", "HEAD"}:
                walked += 1
                answer = await browser.request(method, path.replace("{", "").replace("}", ""))
                said = answer.json()
                reason = said["error"]["code"] if "error" in said else said.get("reason")
                assert (answer.status_code, reason) == (403, "csrf"), path
    assert walked > 40


async def test_what_another_site_sends_is_refused_token_or_not(desk: Any) -> None:
    async with desk.client() as browser:
        token = await csrf(browser)
        for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}):
            answer = await post(browser, "/auth/logout", None, **token, **headers)
            assert (answer.status_code, answer.json()["reason"]) == (403, "csrf")
            login = await post(browser, "/auth/login", {"name": "early", "password": PASSWORD}, **headers)
            assert login.status_code == 403, "nobody is logged in as somebody else by a foreign page"
        own = {"Origin": f"http://127.0.0.1:{desk.port}", "Sec_Fetch_Site": "same-origin"}
        assert (await post(browser, "/auth/logout", None, **token, **own)).status_code == 200


async def test_a_key_outranks_the_cookie_and_needs_no_token(desk: Any) -> None:
    async with desk.client() as browser:
        await csrf(browser)
        key = {"Authorization": f"Bearer {desk.keys['admin']}"}
        assert (await browser.get("/api/v1/people", headers=key)).status_code == 200
        bad = await browser.get("/api/v1/incidents", headers={"Authorization": "Bearer ns_wrong"})
        assert bad.status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET last_seen_at = store.now() - interval '8 hours 1 minute'",
        "UPDATE sessions SET expires_at = store.now()",
        "UPDATE persons SET disabled_at = store.now() WHERE name = 'early'",
    ],
)
async def test_idle_old_and_strangers_sessions_open_nothing(desk: Any, change: str) -> None:
    async with desk.client() as browser:
        await csrf(browser)
        await desk.rows("UPDATE sessions SET last_seen_at = store.now() - interval '7 hours' RETURNING id")
        assert (await browser.get("/api/v1/incidents")).status_code == 200
        seen = await desk.rows("SELECT last_seen_at > store.now() - interval '1 minute' AS now FROM sessions")
        assert seen == [{"now": True}]
        await desk.rows(f"{change} RETURNING id")
        assert (await browser.get("/api/v1/incidents")).status_code == 401


async def test_deactivation_logs_out_at_once(desk: Any) -> None:
    async with desk.client() as browser:
        await csrf(browser)
        await send(desk, "POST", "/people/early/deactivate")
        assert (await browser.get("/api/v1/incidents")).status_code == 401
        assert (await log_in(browser)).status_code == 401
        await send(desk, "POST", "/people/early/activate")
        assert (await browser.get("/api/v1/incidents")).status_code == 401, "an old session stays ended"
        assert (await log_in(browser)).status_code == 200


async def test_sessions_are_listed_ended_one_by_one_and_everywhere(desk: Any) -> None:
    async with desk.client() as one, desk.client() as two, desk.client() as three:
        token = await csrf(one)
        await csrf(two)
        await csrf(three)
        listed = (await one.get("/api/v1/auth/sessions")).json()["sessions"]
        assert [session["is_this"] for session in listed] == [False, False, True]
        left = await post(one, f"/auth/sessions/{listed[0]['id']}/end", **token)
        assert len(left.json()["sessions"]) == 2
        assert (await three.get("/api/v1/incidents")).status_code == 401
        foreign = await send(desk, "POST", f"/auth/sessions/{listed[1]['id']}/end", holder="viewer")
        assert foreign.status_code == 404
        assert (await post(one, "/auth/logout-everywhere", **token)).json() == {"ended": 2}
        assert (await two.get("/api/v1/incidents")).status_code == 401
        await csrf(two)
        assert (await send(desk, "POST", "/people/early/end-sessions")).json() == {"ended": 1}
        assert (await two.get("/api/v1/incidents")).status_code == 401


async def test_a_new_password_ends_the_other_sessions_and_the_old_one(desk: Any) -> None:
    async with desk.client() as here, desk.client() as there:
        token = await csrf(here)
        await csrf(there)
        new = "five other words in a row"
        wrong = await post(here, "/auth/password", {"current": "no idea at all", "new": new}, **token)
        assert (wrong.status_code, wrong.json()["reason"]) == (422, "wrong")
        missing = await post(here, "/auth/password", {"new": new}, **token)
        assert (missing.status_code, missing.json()["reason"]) == (409, "has_password")
        changed = await post(here, "/auth/password", {"current": PASSWORD, "new": new}, **token)
        assert (changed.status_code, changed.json()) == (200, {"ended": 1})
        assert (await here.get("/api/v1/incidents")).status_code == 200
        assert (await there.get("/api/v1/incidents")).status_code == 401
        assert (await log_in(there)).status_code == 401
        assert (await log_in(there, password=new)).status_code == 200


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaaaa", "I am early, let me in", ""])
async def test_passwords_that_are_guessed_at_once_are_refused(desk: Any, password: str) -> None:
    refused = await send(desk, "POST", "/auth/password", {"current": PASSWORD, "new": password}, holder="early")
    assert refused.status_code == 422


async def test_however_it_is_wrong_the_answer_and_its_cost_are_the_same(desk: Any) -> None:
    await made(desk, "nopass", "viewer")
    await made(desk, "left", "viewer")
    await send(desk, "POST", "/auth/password", {"new": PASSWORD}, holder="left")
    await send(desk, "POST", "/people/left/deactivate")
    answers, costs = [], []
    async with desk.client() as browser:
        for name, password in (("early", "wrong " * 3), ("ghost", PASSWORD), ("nopass", PASSWORD), ("left", PASSWORD)):
            before = desk.app.state.hasher.computed
            answer = await log_in(browser, name=name, password=password)
            answers.append((answer.status_code, answer.text))
            costs.append(desk.app.state.hasher.computed - before)
    assert (answers[0][0], len(set(answers))) == (401, 1)
    assert costs == [1, 1, 1, 1]


async def test_an_account_is_guessed_five_times_a_minute_even_all_at_once(desk: Any) -> None:
    async with desk.client() as browser:
        answers = await asyncio.gather(*(log_in(browser, password=f"wrong guess {n}") for n in range(12)))
        assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 7
        blocked = await log_in(browser)
        assert (blocked.status_code, blocked.json()["reason"]) == (429, "too_many_tries")
        assert 1 <= int(blocked.headers["retry-after"]) <= 61
        assert desk.app.state.hasher.computed <= 1 + 5, "what is refused costs no hash"
        await desk.rows("UPDATE guesses SET at = at - interval '61 seconds' RETURNING id")
        assert (await log_in(browser)).status_code == 200, "nobody is locked out for longer"
        assert (await send(desk, "GET", "/incidents", holder="early")).status_code == 200, "a key works all the time"


async def test_an_address_guesses_twenty_times_a_minute_whoever_the_names(desk: Any) -> None:
    async with desk.client() as browser:
        answers = [await log_in(browser, name=f"ghost{n}", password="wrong guess") for n in range(21)]
        assert [answer.status_code for answer in answers] == [401] * 20 + [429]


async def test_strangers_who_guess_do_not_keep_out_whoever_logged_in_from_here_before(desk: Any) -> None:
    async with desk.client() as browser:
        await csrf(browser)
        # The uvicorn in front believes a proxy on this machine, so this is how strangers come from elsewhere.
        strangers = [
            (
                await post(
                    browser, "/auth/login", {"name": "early", "password": "guess"}, X_Forwarded_For=f"198.51.100.{n}"
                )
            )
            for n in range(8)
        ]
        assert [answer.status_code for answer in strangers] == [401] * 5 + [429] * 3
        assert (await log_in(browser)).status_code == 200


async def test_right_passwords_are_never_too_many(desk: Any) -> None:
    async with desk.client() as browser:
        assert {(await log_in(browser)).status_code for _ in range(8)} == {200}
    assert await desk.rows("SELECT * FROM guesses") == []


async def test_a_one_time_token_sets_a_password_once_and_logs_out(desk: Any) -> None:
    async with desk.client() as browser:
        await csrf(browser)
        first = (await send(desk, "POST", "/people/early/enrolment")).json()["token"]
        token = (await send(desk, "POST", "/people/early/enrolment")).json()["token"]
        body = {"token": token, "password": "words that an enrolled one chose"}
        old = await post(browser, "/auth/enrol", {**body, "token": first})
        assert (old.status_code, old.json()["reason"]) == (401, "token_no_good"), "the newer one took its place"
        weak = await post(browser, "/auth/enrol", {**body, "password": "short"})
        assert weak.status_code == 422, "and the token is still good"
        assert (await post(browser, "/auth/enrol", body)).json() == {"name": "early"}
        assert (await post(browser, "/auth/enrol", body)).status_code == 401
        assert (await browser.get("/api/v1/incidents")).status_code == 401
        assert (await log_in(browser, password=body["password"])).status_code == 200
        late = (await send(desk, "POST", "/people/early/enrolment")).json()["token"]
        await desk.rows("UPDATE one_time_codes SET expires_at = store.now() RETURNING purpose")
        assert (await post(browser, "/auth/enrol", {**body, "token": late})).status_code == 401
    assert token not in str(await desk.rows("SELECT encode(digest, 'escape') AS d FROM one_time_codes"))


async def test_who_logged_in_makes_keys_and_a_key_makes_none(desk: Any) -> None:
    async with desk.client() as browser:
        token = await csrf(browser)
        made_key = await post(browser, "/auth/keys", {"label": "cli", "expires_s": 3600}, **token)
        assert made_key.status_code == 201, made_key.text
        desk.keys["cli"] = made_key.json()["key"]
        refused = await send(desk, "POST", "/auth/keys", {}, holder="cli")
        assert (refused.status_code, refused.json()["reason"]) == (403, "session_needed")
        listed = (await send(desk, "GET", "/auth/keys", holder="cli")).json()["keys"]
        assert [key["label"] for key in listed] == ["cli", "first"]
        gone = await send(desk, "POST", f"/auth/keys/{listed[0]['id']}/revoke", holder="cli")
        assert len(gone.json()["keys"]) == 1
        assert (await send(desk, "GET", "/auth/session", holder="cli")).status_code == 401
    me = (await send(desk, "GET", "/auth/session", holder="early")).json()
    assert (me["name"], me["session_id"], me["csrf_token"]) == ("early", None, None)


async def test_above_twenty_sessions_the_oldest_ends(desk: Any) -> None:
    async with desk.client() as browser:
        await csrf(browser)
        await desk.rows(
            "INSERT INTO sessions (id, digest, person_id, second_factor, address, client, expires_at)"
            " SELECT gen_random_uuid(), sha256(n::text::bytea), person_id, false, '', '', expires_at"
            " FROM sessions, generate_series(1, 19) n RETURNING id"
        )
        async with desk.client() as other:
            await csrf(other)
        assert (await browser.get("/api/v1/incidents")).status_code == 401
    assert len(await desk.rows("SELECT id FROM sessions WHERE ended_at IS NULL")) == 20


async def test_a_weak_hash_is_renewed_at_the_next_login(desk: Any) -> None:
    async with desk.client() as browser:
        (old,) = await desk.rows("SELECT hash FROM passwords")
        assert "m=64,t=1" in old["hash"]
        desk.app.state.hasher = Hasher()
        assert (await log_in(browser)).status_code == 200
        (new,) = await desk.rows("SELECT hash FROM passwords")
        assert new["hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert (await log_in(browser)).status_code == 200
        assert await desk.rows("SELECT hash FROM passwords") == [new]


async def test_a_stream_ends_soon_after_its_reader_may_read_no_more(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.streaming.LET_IN_S", 0.5)
    await desk.rows(
        "INSERT INTO incidents (id, priority, group_key, environment, cluster, service, title, signature, started_at)"
        " VALUES (gen_random_uuid(), 'P1', 'g', 'e', 'c', 's', 't', 's', store.now()) RETURNING id"
    )
    for ends in ("logout", "deactivate"):
        async with desk.client() as browser:
            token = await csrf(browser)
            async with browser.stream("GET", "/api/v1/incidents/1/events") as stream:
                assert stream.status_code == 200
                if ends == "logout":
                    await post(browser, "/auth/logout", **token)
                else:
                    await send(desk, "POST", "/people/early/deactivate")
                async with asyncio.timeout(60):
                    await stream.aread()


async def test_what_was_over_long_ago_is_forgotten(desk: Any) -> None:
    async with desk.client() as browser:
        await csrf(browser)
        await csrf(browser)
    await send(desk, "POST", "/people/early/enrolment")
    await desk.rows("UPDATE one_time_codes SET expires_at = store.now() - interval '31 days' RETURNING purpose")
    await desk.rows(
        "UPDATE sessions SET expires_at = store.now() - interval '31 days'"
        " WHERE id = (SELECT id FROM sessions ORDER BY id LIMIT 1) RETURNING id"
    )
    await forget_old(desk.house)
    assert len(await desk.rows("SELECT id FROM sessions")) == 1
    assert await desk.rows("SELECT purpose FROM one_time_codes") == []
