"""How each service of the demo serves, says that it is ready, answers in JSON and goes with its parent."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import uvicorn

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST = "127.0.0.1"
JSON_TYPE = b"application/json"
body_bytes_max = 64 * 1024
start_wait_s = 5.0
stop_wait_s = 0.5
# Below the range from which the kernel takes the ports of outgoing connections: nothing else lands there.
FREE_PORTS = range(21000, 29000)


class BadBody(ValueError):
    """The body must be a JSON object of at most 64 KiB."""


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers, because ours also ends what is not a request."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def now_iso() -> str:
    """The time in UTC with milliseconds: 2026-11-21T03:00:01.123Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def free_ports(number: int) -> list[int]:
    """Ports that nobody has, for services that others must know before they start."""
    first = os.getpid() * 7 % len(FREE_PORTS)  # two callers at once begin at different places
    found: list[int] = []
    for port in (*FREE_PORTS[first:], *FREE_PORTS[:first]):
        if len(found) == number:
            return found
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            found.append(port)
    raise OSError("too few free ports between 21000 and 29000: stop something and try again")


def free_port() -> int:
    """One such port."""
    return free_ports(1)[0]


def bound_socket(port: int, shared: bool = False) -> socket.socket:
    """A TCP socket of this port on loopback. `shared` lets a supervisor hold the port while its child is down."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        raise OSError(f"port {port} is taken ({error.strerror}): choose another one or 0") from error
    return sock


@contextlib.asynccontextmanager
async def listening(apps: Sequence[App], ports: Sequence[int], shared: bool = False) -> AsyncIterator[list[int]]:
    """Serve each app on its own port of this loop (0 takes a free one) and yield the ports."""
    sockets = [bound_socket(port, shared) for port in ports]
    by_port = {sock.getsockname()[1]: app for sock, app in zip(sockets, apps, strict=True)}

    async def by_listener(scope: Scope, receive: Receive, send: Send) -> None:
        await by_port[scope["server"][1]](scope, receive, send)

    config = uvicorn.Config(
        by_listener,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=0,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets))
    async with asyncio.timeout(start_wait_s):
        while not server.started:  # noqa: ASYNC110 (uvicorn offers only this flag)
            await asyncio.sleep(0.002)
    try:
        yield list(by_port)
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.wait([serving], timeout=stop_wait_s)


def announce(ports: Sequence[int], **more: Any) -> None:
    """The one line on stdout that tells the parent that it may begin."""
    print(json.dumps({"ready": True, "ports": list(ports), "pid": os.getpid(), **more}), flush=True)


def told_to_stop() -> asyncio.Event:
    """An event that is set when the parent closes our stdin (or dies), or at SIGTERM and SIGINT."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def watch_stdin() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch_stdin, name="stdin", daemon=True).start()
    return stop


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a service to its end on uvloop; a fault at start is one sentence on stderr."""
    factory = uvicorn.Config("", loop="auto").get_loop_factory()
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(main)
        except OSError as error:
            sys.exit(f"{sys.argv[0].rsplit('/', 1)[-1]}: {error}")


async def answer(send: Send, status: int, body: bytes, content_type: bytes = JSON_TYPE) -> None:
    """Send a whole answer."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, status: int, value: Any) -> None:
    """Send a value as JSON."""
    await answer(send, status, json.dumps(value).encode())


async def read_object(receive: Receive) -> dict[str, Any]:
    """The JSON object in the body of a request; an empty body is an empty object. Raises BadBody."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadBody("the client went away before its body was complete")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > body_bytes_max:
            raise BadBody(BadBody.__doc__)
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise BadBody(BadBody.__doc__) from error
    if not isinstance(value, dict):
        raise BadBody(BadBody.__doc__)
    return value


def header(scope: Scope, name: bytes) -> str:
    """One header of a request as text, or an empty text."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
