"""Senders that are slow, silent or endless lose their connection; the others are served meanwhile."""

import asyncio
from typing import Any

import pytest
import uvicorn

from api.connection import Connection
from api.serving import _Server
from tests.api.conftest import Door

WEBHOOK = "/api/v1/webhooks/alertmanager"
GOOD = {"alerts": [{"status": "firing", "labels": {"alertname": "CartDown", "service": "cart"}}]}
SLOW = 60


@pytest.fixture
def door(door: Door, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same application behind connections as `serve` has them, with less patience."""
    monkeypatch.setattr(Connection, "head_s", 0.7)
    return door


@pytest.fixture
async def patient(door: Door) -> Any:
    """The port where heads are watched."""
    server = uvicorn.Server(
        uvicorn.Config(door.app, port=0, log_config=None, lifespan="off", http=Connection, timeout_graceful_shutdown=1)
    )
    work = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    door.port = server.servers[0].sockets[0].getsockname()[1]
    yield door
    server.should_exit = True
    await work


def head(door: Door, *more: str) -> bytes:
    lines = (f"POST {WEBHOOK} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {door.keys['prometheus']}", *more)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def trickle(door: Door, words: bytes) -> bytes:
    """Send a byte now and then, for ever; what the server said before it closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)

    async def send() -> None:
        for byte in words:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.1)

    sending = asyncio.create_task(send())
    try:
        return await asyncio.wait_for(reader.read(), SLOW)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()


async def test_serve_uses_connections_that_watch_the_head(house: Any) -> None:
    from api.app import build_app

    assert _Server(build_app(house)).config.http is Connection


async def test_a_head_that_trickles_is_answered_408_and_closed(patient: Door) -> None:
    said = await trickle(patient, head(patient, "Content-Length: 5") * 100)
    assert said.startswith(b"HTTP/1.1 408")


async def test_a_sender_that_says_nothing_is_closed_without_a_word(patient: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
    assert await asyncio.wait_for(reader.read(), SLOW) == b""
    writer.close()


async def test_the_second_head_of_a_connection_is_watched_too(patient: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health")
    said = await asyncio.wait_for(reader.read(), SLOW)
    assert said.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in said
    writer.close()


async def test_an_endless_head_is_cut(patient: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_bytes_max", 1000)
    reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
    writer.write(f"GET /health/live HTTP/1.1\r\nX-Long: {'x' * 1500}".encode())
    said = await asyncio.wait_for(reader.read(), SLOW)
    assert said.startswith(b"HTTP/1.1 431")
    writer.close()


async def test_a_body_that_trickles_is_answered_408_and_closed(patient: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
    writer.write(head(patient, "Content-Length: 100000"))

    async def send() -> None:
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.1)

    sending = asyncio.create_task(send())
    assert (await asyncio.wait_for(reader.read(), SLOW)).startswith(b"HTTP/1.1 408")
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()


async def test_a_body_that_was_announced_and_never_came_is_answered_408(patient: Door) -> None:
    for announced in ("Content-Length: 10", "Transfer-Encoding: chunked"):
        reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
        writer.write(head(patient, announced))
        assert (await asyncio.wait_for(reader.read(), SLOW)).startswith(b"HTTP/1.1 408"), announced
        writer.close()


async def test_a_post_without_a_body_is_refused_as_empty(patient: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
    writer.write(head(patient, "Connection: close"))
    said = await asyncio.wait_for(reader.read(), SLOW)
    assert said.startswith(b"HTTP/1.1 400")
    assert b"The body is empty" in said
    writer.close()


async def test_half_open_connections_do_not_keep_others_out(patient: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_s", 600.0)
    opened = [await asyncio.open_connection("127.0.0.1", patient.port) for _ in range(300)]
    for _, writer in opened:
        writer.write(b"POST /api/v1/webhooks/alertmanager HTTP/1.1\r\nHost: loc")
    answer = await patient.post(WEBHOOK, GOOD)
    assert (answer.status_code, answer.json()["new"]) == (200, 1)
    for _, writer in opened:
        writer.close()


async def test_slow_work_behind_a_whole_head_is_waited_for(patient: Door) -> None:
    """The watch ends with the head: an answer may take longer than a head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
    body = b'{"alerts": []}'
    writer.write(head(patient, f"Content-Length: {len(body)}", "Connection: close") + body[:-1])
    await asyncio.sleep(0.85)
    writer.write(body[-1:])
    assert (await asyncio.wait_for(reader.read(), SLOW)).startswith(b"HTTP/1.1 200")
    writer.close()
