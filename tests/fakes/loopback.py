"""A real HTTP server on loopback that can also break off, stay silent, and come back on the same port."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"
SHUTDOWN_S = 1.0
ACCEPT_TURNS = 5  # of the loop, from accepting a socket until its protocol is told of it


class Loopback:
    """An ASGI application served on a port that stays the same over stop and start."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.port = 0
        self.closing = asyncio.Event()  # wakes requests that are kept waiting

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self.closing.clear()
        listening = socket.create_server((HOST, self.port))
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._with_scissors,
            interface="asgi3",
            log_config=None,
            lifespan="off",
            proxy_headers=False,
            ws="websockets-sansio",
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Refuse connections from now on."""
        self.closing.set()
        if self._server and self._serving:
            self._server.ended.set()
            await self._serving
        self._server = self._serving = None

    async def _with_scissors(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on every request together with the means to reset its connection."""
        protocol: Any = getattr(send, "__self__", None)  # uvicorn's object for this request
        scope["cut"] = protocol.transport.abort if protocol else lambda: None
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Ends at once when told to, and leaves the signals of the process to the test run."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ended = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        state, told = self.server_state, set[int]()
        for _ in range(ACCEPT_TURNS):  # one that was accepted just before the end is not among the connections yet
            await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_S):
                while state.connections or state.tasks:
                    for connection in [one for one in state.connections if id(one) not in told]:
                        told.add(id(connection))
                        connection.shutdown()
                    await asyncio.sleep(0.005)
        for task in list(state.tasks):
            task.cancel()
        for left in list(state.connections):
            left.transport.abort()
        await asyncio.sleep(0)


class Cut(Response):
    """No answer: the connection is reset, in the middle of `partial` if there is one."""

    def __init__(self, partial: bytes = b"") -> None:
        super().__init__(partial)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.body:
            length = str(len(self.body) * 2).encode()
            head = [(b"content-type", b"application/json"), (b"content-length", length)]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
            await asyncio.sleep(0.05)  # so that the half arrives before the reset
        cut: Callable[[], None] = scope["cut"]
        cut()
        await receive()  # until the server has seen it, so that it does not take this for a forgotten answer
