"""One kept connection of the load generator, without blocking, with one request in flight."""

import socket

ANSWER_BYTES = 65_536


class Line:
    """`number` says which request is under way; after `is_over` the connection must be replaced."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._left = memoryview(b"")
        self._got = b""
        self.number, self.began, self.is_over = 0, 0.0, False

    def fileno(self) -> int:
        """For epoll."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give it back."""
        self._socket.close()

    def send(self, request: bytes, began: float) -> bool:
        """Begin a request; true when all of it is on its way."""
        self._left, self._got, self.began = memoryview(request), b"", began
        return self.flush()

    def flush(self) -> bool:
        """Send what is left; true when nothing is."""
        try:
            self._left = self._left[self._socket.send(self._left) :]
        except BlockingIOError:
            return False
        except OSError:
            self._left = memoryview(b"")  # the answer, or its absence, will tell
        return not self._left

    def receive(self) -> int | None:
        """The status of a whole answer, None while there is more to come, 0 when the connection broke."""
        try:
            chunk = self._socket.recv(ANSWER_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            chunk = b""
        if not chunk:
            self.is_over = True
            return 0
        self._got += chunk
        head, end, rest = self._got.partition(b"\r\n\r\n")
        if not end:
            return None
        fields = head.lower()
        at = fields.find(b"\r\ncontent-length:")
        if at < 0:
            raise ValueError(f"an answer without a length: {head!r}")
        if len(rest) < int(fields[at + 17 :].split(b"\r\n", 1)[0]):
            return None
        self.is_over = b"\r\nconnection: close" in fields
        return int(head[9:12])
