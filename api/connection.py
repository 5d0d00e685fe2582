"""A connection that does not wait for ever: the head of a request comes soon and is short, or the connection closes."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 15.0
HEAD_BYTES_MAX = 64 * 1024
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Uvicorn's own, with a limit on the head. What comes after it, the body, has its limits in `api.body`."""

    head_s = HEAD_S
    head_bytes_max = HEAD_BYTES_MAX

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head, self._head_bytes = False, 0
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A sender that says nothing at all is not waited for either."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A head that is not whole yet is counted and waited for; mostly one read has all of it."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > self.head_bytes_max:
            self._close(_TOO_LONG)
        elif self._patience is None:
            self._wait()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()
        self.scope["nightshift.cut"] = self.transport.abort  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._wait_no_more()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.head_s, self._close, _TOO_SLOW)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _close(self, answer: bytes) -> None:
        self._wait_no_more()
        if not self.transport.is_closing():
            if self._in_head and (self.cycle is None or self.cycle.response_complete):
                self.transport.write(answer)  # not into an answer that is still on its way
            self.transport.close()
