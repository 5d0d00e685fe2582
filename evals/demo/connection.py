"""A keep-alive HTTP/1.1 connection for GET, thin enough for hundreds of requests a second at little CPU."""

import asyncio

answer_bytes_max = 256 * 1024


class Connection:
    """One connection to a port on loopback, opened at the first request and again after any fault."""

    def __init__(self, host: str, port: int, user_agent: str, timeout_s: float) -> None:
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._head_end = f" HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {user_agent}\r\n\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, target: str) -> tuple[int, bytes]:
        """Status and body. Raises OSError when the service cannot be reached, is too slow or hangs up."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(target)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            self.close()
            raise ConnectionError(f"no answer from port {self._port}: {type(error).__name__}") from error

    async def _get(self, target: str) -> tuple[int, bytes]:
        reader, writer = self._streams or await self._open()
        writer.write(f"GET {target}{self._head_end}".encode("latin-1"))
        head = await reader.readuntil(b"\r\n\r\n")
        at = head.lower().index(b"content-length:") + len(b"content-length:")
        length = int(head[at : head.index(b"\r\n", at)])
        if length > answer_bytes_max:
            raise ValueError(f"an answer of {length} bytes")
        return int(head[9:12]), await reader.readexactly(length)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection(self._host, self._port)
        writer = self._streams[1]
        # The kernel may connect a socket to itself when the port has no listener; that is a refusal too.
        if writer.get_extra_info("sockname") == writer.get_extra_info("peername"):
            raise ConnectionRefusedError
        return self._streams

    def close(self) -> None:
        """Forget the connection; the next request opens a new one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
