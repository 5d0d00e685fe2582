"""An action reaches its registered address and nothing else, in whatever form another one is written."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.playbook import ActionType
from core.site import Endpoint
from tests.tools.listener import Listener, answering, listening
from tools.act import http
from tools.act.actuator import Answer, Effect

HERE = "127.0.0.1"
# What the resolver of these tests answers; a name that is not here does not exist.
NAMES: Mapping[str, list[str]] = {
    "inside.example": [HERE],
    "inside6.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "mixed.example": ["93.184.216.34", HERE],
    "metadata.example": ["169.254.169.254"],
    "mapped-metadata.example": ["::ffff:169.254.169.254"],
    "office.example": ["10.1.2.3"],
    "unspecified.example": ["0.0.0.0"],
    "linklocal.example": ["fe80::1"],
    "multicast.example": ["224.0.0.1"],
    "carrier.example": ["100.64.0.1"],
    "localhost": [HERE],
    "localhost.": [HERE],
}
# Without `allow_private`: every way to write an address of this machine or of its network.
CLOSED = (
    "http://127.0.0.1:{port}/", "http://127.0.0.1.:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/", "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/", "http://017700000001:{port}/", "http://127.0.0.01:{port}/", "http://127.000.000.001:{port}/",
    "http://127.0.0.0x1:{port}/", "http://0:{port}/", "http://0.0.0.0:{port}/", "http://127.8.9.10:{port}/",
    "http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/",
    "http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/", "http://[fe80::1]:{port}/", "http://[fe80::1%25lo]:{port}/", "http://[::1%25lo]:{port}/",
    "http://10.0.0.1:{port}/", "http://172.16.0.1:{port}/", "http://192.168.1.1:{port}/", "http://100.64.0.1:{port}/",
    "http://[fc00::1]:{port}/", "http://[fd12:3456::1]:{port}/",
    "http://inside.example:{port}/", "http://inside6.example:{port}/", "http://mapped.example:{port}/",
    "http://nat64.example:{port}/", "http://sixtofour.example:{port}/", "http://mixed.example:{port}/",
    "http://office.example:{port}/", "http://unspecified.example:{port}/", "http://carrier.example:{port}/",
    "http://nowhere.example:{port}/",
)  # fmt: skip
# Even where private addresses are meant: cloud metadata, other protocols, and every form that is there to deceive.
NEVER = (
    "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://168.63.129.16/", "http://192.0.0.192/",
    "http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://169.254.43518/",
    "http://metadata.example/", "http://mapped-metadata.example/", "http://linklocal.example/", "http://multicast.example/",
    "http://0.0.0.0:{port}/", "http://[::]:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/", "http://[::1%25lo]:{port}/",
    "http://user@127.0.0.1:{port}/", "http://user:word@127.0.0.1:{port}/", "http://shop.example@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@shop.example/", "http://127.0.0.1:{port}#@shop.example/", "http://127.0.0.1:{port}\\@shop.example/",
    "http://127.0.0.1:{port}/\r\nX-Other: 1", "http://127.0.0.1:{port}/ HTTP/1.1\r\nX: 1", "http://127.0.0.1\t:{port}/",
    "http://１２７.0.0.1:{port}/", "http://①②⑦.0.0.1:{port}/", "http://127。0。0。1:{port}/", "http://loc\u00adalhost:{port}/",
    "http://127.0.0.1:{port}/\u2028", "http://%6c%6f%63alhost:{port}/", "http://127.0.0.1%00.shop.example:{port}/",
    "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://127.0.0.1:0/", "http://127.0.0.1:x/", "http://:{port}/",
    "http://127.0.0.1:22/", "http://127.0.0.1:25/", "http://127.0.0.1:6379/", "http://127.0.0.1:5432/", "http://127.0.0.1:2375/",
    "http:///127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "//127.0.0.1:{port}/", "127.0.0.1:{port}", "",
    "file:///etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/x",
    "ldap://127.0.0.1:{port}/", "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "jar:http://127.0.0.1:{port}/!/", "javascript:1", "ws://127.0.0.1:{port}/", "http://[::1:{port}/", "http://[127.0.0.1]:{port}/",
)  # fmt: skip


def answers(names: Mapping[str, list[str]]) -> Any:
    """A resolver in place of the machine's: numeric forms as the C library takes them, and these names."""
    machine = socket.getaddrinfo

    def getaddrinfo(host: str, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        try:
            return machine(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        except socket.gaierror:
            found = [machine(a, port, family, type, proto, flags)[0] for a in names.get(str(host).lower(), [])]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return found

    return getaddrinfo


@pytest.fixture(autouse=True)
def _names_of_these_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(NAMES))


def place(url: str, *, allow_private: bool, probe_url: str = "") -> Endpoint:
    return Endpoint(
        "shop", ActionType.HTTP, "shop", url, token_env="SHOP_TOKEN", allow_private=allow_private, probe_url=probe_url
    )


async def call(url: str, *, allow_private: bool) -> Answer:
    return await http.call(place(url, allow_private=allow_private), {"n": 1}, "key-1", timeout_s=5.0)


@pytest.mark.parametrize("form", CLOSED)
async def test_nothing_near_is_reached_unless_it_is_meant(form: str) -> None:
    async with listening(Listener()) as near, listening(Listener(), "::1", near.port) as near6:
        answer = await call(form.format(port=near.port), allow_private=False)

        assert answer.effect is Effect.REFUSED, answer
        assert near.connections + near6.connections == 0


@pytest.mark.parametrize("form", NEVER)
async def test_some_forms_reach_nothing_whatever_is_allowed(form: str) -> None:
    async with listening(Listener()) as near, listening(Listener(), "::1", near.port) as near6:
        answer = await call(form.replace("{port}", str(near.port)), allow_private=True)

        assert answer.effect is Effect.REFUSED, answer
        assert near.connections + near6.connections == 0


def test_the_tables_are_as_long_as_they_should_be() -> None:
    assert len({*CLOSED}) + len({*NEVER}) == len(CLOSED) + len(NEVER) > 100


@pytest.mark.parametrize("form", ["127.0.0.1:{port}/", "inside.example:{port}/x?y=1"])
async def test_what_is_meant_is_reached_once(form: str) -> None:
    async with listening(Listener()) as near:
        answer = await call("http://" + form.format(port=near.port), allow_private=True)

        assert (answer.effect, near.connections) == (Effect.DONE, 1)


@pytest.mark.parametrize(
    ("networks", "reached"),
    [
        (("127.0.0.0/8",), 1), (("10.0.0.0/8", "127.0.0.1/32"), 1), (("10.0.0.0/8",), 0), (("127.0.0.2/32",), 0),
        (("::1/128",), 0), (("0.0.0.0/0",), 1), ((), 0),
    ],
)  # fmt: skip
async def test_a_private_network_that_is_named_is_reached_and_no_other(networks: tuple[str, ...], reached: int) -> None:
    async with listening(Listener()) as near:
        endpoint = replace(place(f"http://inside.example:{near.port}/", allow_private=False), networks=networks)
        answer = await http.call(endpoint, {}, "key-1", timeout_s=5.0)

        assert (answer.effect, near.connections) == (Effect.DONE if reached else Effect.REFUSED, reached)


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://metadata.example/", "http://0.0.0.0:{port}/"])
async def test_no_network_that_is_named_opens_the_metadata_of_a_cloud(url: str) -> None:
    async with listening(Listener()) as near:
        wide = replace(place(url.format(port=near.port), allow_private=True), networks=("0.0.0.0/0", "::/0"))

        assert (await http.call(wide, {}, "key-1", timeout_s=5.0)).effect is Effect.REFUSED
        assert near.connections == 0


async def test_a_name_that_changes_its_address_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Listener()) as first, listening(Listener(), "127.0.0.2", first.port) as second:
        asked: list[str] = []
        machine = socket.getaddrinfo

        def turning(host: str, *rest: Any, **more: Any) -> Any:
            if host != "turning.example":
                return machine(host, *rest, **more)
            asked.append(host)
            return machine(HERE if len(asked) == 1 else "127.0.0.2", *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", turning)
        answer = await call(f"http://turning.example:{first.port}/", allow_private=True)

        assert (answer.effect, asked) == (Effect.DONE, ["turning.example"])
        assert (first.connections, second.connections) == (1, 0)
        # The target still hears the name that it was called by.
        assert first.headers()["host"] == f"turning.example:{first.port}"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Again", "308 For good"])
async def test_no_redirect_is_followed(status: str) -> None:
    async with listening(Listener()) as elsewhere:
        away = answering(status, "", f"Location: http://127.0.0.1:{elsewhere.port}/")
        async with listening(Listener(away)) as near:
            answer = await call(f"http://127.0.0.1:{near.port}/", allow_private=True)

            assert answer.effect is Effect.UNKNOWN  # it arrived, and who knows what it did
            assert (near.connections, elsewhere.connections) == (1, 0)


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Listener()) as near, listening(Listener()) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        answer = await call(f"http://127.0.0.1:{near.port}/", allow_private=True)

        assert (answer.effect, near.connections, proxy.connections) == (Effect.DONE, 1, 0)


async def test_a_probe_is_held_to_the_same_rules() -> None:
    async with listening(Listener()) as near:
        endpoint = place("http://shop.example/", allow_private=False, probe_url=f"http://127.1:{near.port}/{{key}}")
        seen, said = await http.probe(endpoint, "key-1")

        assert (seen, near.connections) == (http.Probe.CANNOT_TELL, 0), said


async def test_a_call_carries_its_key_and_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cret-word")
    async with listening(Listener(answering("200 OK", "s3cret-word? no: done"))) as near:
        answer = await call(f"http://127.0.0.1:{near.port}/act", allow_private=True)

        assert near.headers()["idempotency-key"] == "key-1"
        assert near.headers()["authorization"] == "Bearer s3cret-word"
        assert near.bodies == ['{"n": 1}']
        assert answer == Answer(Effect.DONE, "200 ***? no: done")


@pytest.mark.parametrize("word", ["s3cret\nword", "s3cret word", "s3cret\x01word", "s3crét-word"])
async def test_a_token_that_no_header_can_carry_is_not_repeated(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("SHOP_TOKEN", word)
    async with listening(Listener()) as near:
        answer = await call(f"http://127.0.0.1:{near.port}/", allow_private=True)

        assert (answer.effect, near.connections) == (Effect.REFUSED, 0)
        assert not any(part in answer.detail for part in ("s3c", "word"))


async def test_a_token_ends_before_its_line_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cret-word\n")
    async with listening(Listener()) as near:
        assert (await call(f"http://127.0.0.1:{near.port}/", allow_private=True)).effect is Effect.DONE
        assert near.headers()["authorization"] == "Bearer s3cret-word"


@pytest.mark.parametrize(
    ("status", "effect"),
    [
        ("200 OK", Effect.DONE), ("201 Created", Effect.DONE), ("204 No Content", Effect.DONE),
        ("400 Bad", Effect.REFUSED), ("403 No", Effect.REFUSED), ("409 Conflict", Effect.REFUSED),
        ("429 Slow", Effect.REFUSED), ("500 Oh", Effect.UNKNOWN), ("502 Oh", Effect.UNKNOWN),
        ("504 Late", Effect.UNKNOWN),
    ],
)  # fmt: skip
async def test_what_a_status_says(status: str, effect: Effect) -> None:
    async with listening(Listener(answering(status, ""))) as near:
        assert (await call(f"http://127.0.0.1:{near.port}/", allow_private=True)).effect is effect
        assert near.connections == 1


async def test_what_left_and_was_not_answered_is_unknown_and_never_sent_again() -> None:
    for listener in (
        Listener(b""),
        Listener(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        Listener(b"nonsense"),
    ):
        async with listening(listener) as near:
            answer = await call(f"http://127.0.0.1:{near.port}/", allow_private=True)

            assert (answer.effect, near.connections) == (Effect.UNKNOWN, 1)


async def test_a_late_answer_is_unknown() -> None:
    async with listening(Listener(hold_s=5.0)) as near, asyncio.timeout(3):
        endpoint = place(f"http://127.0.0.1:{near.port}/", allow_private=True)
        answer = await http.call(endpoint, {}, "key-1", timeout_s=0.3)

        assert (answer.effect, near.connections) == (Effect.UNKNOWN, 1)


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with listening(Listener()) as near:
        port = near.port
    assert (await call(f"http://127.0.0.1:{port}/", allow_private=True)).effect is Effect.REFUSED


async def test_an_endless_answer_is_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    async with listening(Listener(head + b"x" * 300_000)) as near:
        answer = await call(f"http://127.0.0.1:{near.port}/", allow_private=True)

        assert answer.effect is Effect.DONE
        assert len(answer.detail) < 400
