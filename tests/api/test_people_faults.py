"""Nasty values at every door about people: each is refused or taken, none is our fault."""

import json
from typing import Any

import pytest

from engine.passwords import Hasher
from engine.settings import Settings
from tests.api.test_people import made, send
from tests.api.test_sessions import KEY, PASSWORD, quick

NASTY: tuple[Any, ...] = (
    *("", " ", "\x00", "a\x00b", "\ud800", "é" * 63, "..", "a/b", "%2e%2e", "x" * 5_000, "\u202eadmin"),
    *(0, -1, 2**70, 1e308, True, None, [], {}, ["\x00"], {"a": "\ud800"}),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-03-02", "mon 09:00"),
)
SHIFT = {"from": "mon 09:00", "to": "mon 09:00", "people": ["early"]}
ROTA = {"team": None, "zone": "UTC", "first_day": "2026-03-02", "shifts": [SHIFT], "fallback": "early"}
TEAM = {"purpose": "p", "members": ["early"], "services": ["s"]}
DAY = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-02T00:00:00Z"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/people"): {"name": "new", "role": "viewer"},
    ("PUT", "/people/early"): {"role": "viewer"},
    ("POST", "/people/early/keys"): {"label": "x", "expires_s": 60},
    ("POST", "/teams"): {"name": "t", **TEAM},
    ("PUT", "/teams/payments"): TEAM,
    ("POST", "/rotas"): {"name": "r", **ROTA},
    ("PUT", "/rotas/house"): ROTA,
    ("POST", "/rotas/house/overrides"): {"person": "early", "reason": "r", **DAY},
    ("POST", "/auth/login"): {"name": "early", "password": PASSWORD, "code": ""},
    ("POST", "/auth/enrol"): {"token": "nse_" + "a" * 43, "password": PASSWORD},
    ("POST", "/auth/password"): {"current": PASSWORD, "new": PASSWORD + "!"},
    ("POST", "/auth/totp"): {"password": PASSWORD},
    ("POST", "/auth/totp/confirm"): {"code": "123456"},
    ("POST", "/auth/totp/remove"): {"password": PASSWORD, "code": "123456"},
    ("POST", "/identities/redeem"): {"platform": "telegram", "workspace": "1", "account": "2", "code": "x"},
    ("POST", "/auth/push-targets"): {"kind": "ntfy", "address": "x"},
}


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_nasty_values_in_bodies(door: Any, method: str, path: str) -> None:
    door.house.settings = Settings(NIGHTSHIFT_SECRET_KEY=KEY)
    door.app.state.hasher = Hasher(quick)
    await made(door, "early", "responder")
    await send(door, "POST", "/teams", {"name": "payments"})
    await send(door, "POST", "/rotas", {**ROTA, "name": "house", "team": "payments"})
    good = BODIES[method, path]
    bodies: list[Any] = [{**good, name: nasty} for name in good for nasty in NASTY]
    bodies += [{**good, "shifts": [{**SHIFT, name: nasty}]} for name in SHIFT for nasty in NASTY if "shifts" in good]
    bodies += [nasty for nasty in NASTY if not isinstance(nasty, dict)]
    async with door.client("admin") as client:
        for body in bodies:
            written = json.dumps(body).encode()
            answer = await client.request(
                method, f"/api/v1{path}", content=written, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code < 500, (written[:200], answer.text)


@pytest.mark.parametrize("name", ["%00", "%ED%A0%80", "..", "a%2Fb", "%F0%9F%92%A5", "x" * 64, "%E2%80%AEadmin"])
async def test_nasty_names_in_paths(door: Any, name: str) -> None:
    later = "0193f0a0-0000-7000-8000-000000000000"
    for method, path in (
        ("GET", f"/people/{name}"), ("POST", f"/people/{name}/deactivate"), ("GET", f"/people/{name}/keys"),
        ("POST", f"/people/{name}/keys/{later}/revoke"), ("POST", f"/people/{name}/enrolment"),
        ("GET", f"/people/{name}/identities"), ("GET", f"/people/{name}/push-targets"), ("GET", f"/teams/{name}"),
        ("DELETE", f"/teams/{name}"), ("GET", f"/rotas/{name}"), ("DELETE", f"/rotas/{name}"),
        ("POST", f"/rotas/{name}/overrides/{later}/end"), ("GET", f"/oncall?service={name}"),
        ("GET", f"/oncall?at={name}"), ("GET", f"/owner?service={name}"),
        ("GET", f"/identities/who?platform={name}&workspace={name}&account={name}"),
    ):  # fmt: skip
        answer = await send(door, method, path)
        assert answer.status_code < 500, (path, answer.text)
