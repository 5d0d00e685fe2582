"""A real listener on loopback that counts connections and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HEAD_BYTES_MAX = 64 * 1024


@dataclass
class Listener:
    """What arrived. `answer` is sent for every request; empty cuts the connection; `hold_s` waits before it."""

    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    hold_s: float = 0.0
    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            length = next((v for n, v in map(_field, head.splitlines()[1:]) if n == "content-length"), "0")
            self.bodies.append((await reader.readexactly(int(length))).decode())
            await asyncio.sleep(self.hold_s)
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def headers(self) -> dict[str, str]:
        """The header fields of the last request, by lower-case name."""
        return dict(map(_field, self.heads[-1].splitlines()[1:]))


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


@asynccontextmanager
async def listening(listener: Listener, address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Listener]:
    """The listener on an address, on a free port unless one is named."""
    server = await asyncio.start_server(listener.serve, address, port, limit=HEAD_BYTES_MAX)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


def answering(status: str, body: str = "{}", *headers: str) -> bytes:
    """A whole answer."""
    fields = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close", *headers]
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()
