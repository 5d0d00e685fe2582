"""The client tells, and never harms: its own faults stay inside, and it waits for its timeout at most."""

import asyncio
import importlib.util
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "client" / "nightshift_client.py"
_spec = importlib.util.spec_from_file_location("nightshift_client", FILE)
assert _spec
assert _spec.loader
client: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(client)

KEY = "ns_" + "k" * 43
SLACK_S = 0.5


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, dict[str, Any]]] = []
        self.status, self.location = 200, ""
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.got.append((self.path, self.headers["Authorization"], body))
        self.send_response(server.status)
        if server.location:
            self.send_header("Location", server.location)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hanging() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def refusing() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def told(url: str, **more: Any) -> Any:
    return client.Nightshift(url, KEY, service="billing", environment="prod", **more)


def test_the_exception_passes_and_is_told(server: Server) -> None:
    nightshift = told(server.url, release="v42")

    @nightshift.watch("nightly")
    def job() -> None:
        try:
            {}["total"]
        except KeyError as error:
            raise ValueError("no total") from error

    with pytest.raises(ValueError, match="no total"):
        job()
    [(path, key, body)] = server.got
    assert (path, key) == ("/api/v1/exceptions", f"Bearer {KEY}")
    assert (body["type"], body["message"], body["causes"], body["job"]) == (
        "ValueError",
        "no total",
        ["KeyError"],
        "nightly",
    )
    assert (body["service"], body["environment"], body["release"]) == ("billing", "prod", "v42")
    assert "in job" in body["traceback"]


def test_success_is_told_only_where_that_is_wanted(server: Server) -> None:
    with told(server.url).watch("quiet"):
        pass
    with told(server.url).watch("loud", resolve=True):
        pass
    assert [(body["job"], body["status"]) for _, _, body in server.got] == [("loud", "resolved")]


async def test_async_jobs_are_watched_and_the_loop_goes_on(server: Server, hanging: str) -> None:
    @told(server.url).watch()
    async def job() -> None:
        raise RuntimeError("x")

    with pytest.raises(RuntimeError):
        await job()
    assert server.got[0][2]["job"] == "job"

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    with pytest.raises(RuntimeError):
        async with told(hanging, timeout_s=0.5).watch("hangs"):
            raise RuntimeError("x")
    ticking.cancel()
    assert ticks > 10


def test_a_server_that_hangs_costs_the_timeout_and_no_more(hanging: str) -> None:
    nightshift = told(hanging, timeout_s=0.3)
    began = time.monotonic()
    with pytest.raises(ZeroDivisionError), nightshift.watch("job"):
        1 / 0  # noqa: B018
    assert time.monotonic() - began < 0.3 + SLACK_S
    assert nightshift.last_fault


def test_a_server_that_drips_costs_the_timeout_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                while not stop.wait(0.1):
                    connection.sendall(b"H")

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        nightshift = told(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_s=0.4)
        began = time.monotonic()
        assert nightshift.report(ValueError("x")) is False
        assert time.monotonic() - began < 0.4 + SLACK_S
        assert "no answer within" in nightshift.last_fault
        stop.set()
        dripping.join()


def test_while_too_many_deliveries_hang_nothing_is_sent(monkeypatch: Any) -> None:
    nightshift, over = told("http://127.0.0.1:9", timeout_s=0.05), threading.Event()
    monkeypatch.setattr(nightshift, "_send", lambda body: over.wait(10))  # a name server that does not answer
    for _ in range(client.HANGING_MAX):
        assert nightshift.report(ValueError("x")) is False
    began = time.monotonic()
    assert nightshift.report(ValueError("x")) is False
    assert time.monotonic() - began < 0.04
    assert nightshift.last_fault == "too many deliveries hang"
    over.set()
    for _ in range(100):
        if nightshift.report(ValueError("x")):
            return
        time.sleep(0.02)
    pytest.fail("it never recovers")


def test_a_server_that_refuses_or_faults_is_no_fault_of_the_job(server: Server, refusing: str) -> None:
    assert told(refusing).report(ValueError("x")) is False
    for status in (401, 422, 500, 503):
        server.status = status
        nightshift = told(server.url)
        assert nightshift.report(ValueError("x")) is False
        assert str(status) in nightshift.last_fault


def test_the_key_goes_nowhere_else(server: Server) -> None:
    server.status, server.location = 307, "http://127.0.0.1:9/elsewhere"
    assert told(server.url).report(ValueError("x")) is False
    server.status = 302
    assert told(server.url).report(ValueError("x")) is False
    assert len(server.got) == 2


@pytest.mark.parametrize("url", ["", "nonsense", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "http://[::1"])
def test_an_address_that_cannot_be_used_is_no_fault_of_the_job(url: str) -> None:
    nightshift = told(url)
    assert nightshift.report(ValueError("x")) is False
    assert nightshift.resolved("job") is False
    assert nightshift.last_fault


def test_an_exception_that_cannot_be_told_is_told_all_the_same(server: Server) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    endless = ValueError("x")
    other = ValueError("\ud800 half a character")
    endless.__cause__, other.__cause__ = other, endless
    assert told(server.url).report(Odd()) is True
    assert told(server.url).report(endless) is True
    assert told(server.url).report(other) is True
    assert len(server.got[1][2]["causes"]) == client.CAUSES_MAX


def test_ends_that_are_no_faults_are_not_told(server: Server) -> None:
    for end in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(end), told(server.url).watch("job", resolve=True):
            raise end
    assert server.got == []


def test_settings_come_from_the_environment(server: Server, monkeypatch: Any) -> None:
    monkeypatch.setenv("NIGHTSHIFT_URL", server.url + "/")
    monkeypatch.setenv("NIGHTSHIFT_KEY", KEY)
    monkeypatch.setenv("NIGHTSHIFT_SERVICE", "billing")
    assert client.Nightshift().report(ValueError("x")) is True
    assert server.got[0][2]["service"] == "billing"


def test_it_needs_nothing_but_the_standard_library() -> None:
    words = [line.split() for line in FILE.read_text().splitlines() if line.startswith(("import ", "from "))]
    modules = {line[1].split(".")[0] for line in words} - {"__future__"}
    assert modules <= set(sys.stdlib_module_names)
