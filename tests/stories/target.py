"""A target of actions on loopback: it obeys, or fails in the way that it was told to, and keeps its own log.

The log is append-only and the only word that counts on what really happened. It knows idempotency keys, answers
probes, and takes pages as a pager would.
"""

import json
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Json = dict[str, Any]


@dataclass(frozen=True)
class Manner:
    """How a service's actions go: seconds before the effect and after it, whether there is one, and the answer.

    `answer` is a status code; 0 cuts the connection without a word.
    """

    before_s: float = 0.0
    after_s: float = 0.0
    effect: bool = True
    answer: int = 200


@dataclass
class Target:
    """The server; `witness` is asked for a word at the moment when a call arrives.

    A service that an action had an effect on is `well` from then on; it tells so as a metric.
    """

    manners: dict[str, Manner] = field(default_factory=lambda: defaultdict(Manner))
    log: list[Json] = field(default_factory=list)
    pages: list[Json] = field(default_factory=list)
    witness: Callable[[str], Any] | None = None
    well: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _states: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def received(self, key: str) -> int:
        """How often a call with this key arrived."""
        return self._count("received", key)

    def effects(self, key: str) -> int:
        """How often a call with this key changed something."""
        return self._count("effect", key)

    def all_received(self) -> Counter[str]:
        """Arrivals by key."""
        with self._lock:
            return Counter(row["key"] for row in self.log if row["event"] == "received")

    def effective(self) -> list[Json]:
        """Every effect, in order."""
        with self._lock:
            return [row for row in self.log if row["event"] == "effect"]

    def _count(self, event: str, key: str) -> int:
        with self._lock:
            return sum(row["event"] == event and row["key"] == key for row in self.log)

    def note(self, event: str, key: str, **more: Any) -> None:
        """Append to the log."""
        with self._lock:
            self.log.append({"event": event, "key": key, "at": time.time(), **more})

    def act(self, key: str, body: Json) -> int:
        """Do as the manner of the service says; the status to answer with, or 0 to cut."""
        service = str(body.get("service", ""))
        manner = self.manners[service]
        saw = self.witness(key) if self.witness else None
        with self._lock:
            is_new = key not in self._states
            self._states.setdefault(key, "running")
        self.note("received", key, body=body, saw=saw)
        if not is_new:
            return 200  # as a good target does: a key that it knows is never acted on again
        time.sleep(manner.before_s)
        if manner.effect:
            self.well[service] = 1.0
            self.note("effect", key, service=service)
        with self._lock:
            self._states[key] = "done" if manner.effect else "failed"
        time.sleep(manner.after_s)
        return manner.answer

    def state(self, key: str) -> str | None:
        """What a probe is told."""
        self.note("probe", key)
        with self._lock:
            return self._states.get(key)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, target: Target) -> None:
        self.target = target
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that die in the middle are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        target = self.server.target
        if self.path == "/page":
            target.pages.append(body)
            return self._answer(200, {})
        status = target.act(self.headers["Idempotency-Key"], body)
        if status:
            return self._answer(status, {"status": status})
        self.close_connection = True
        return self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        if self.path.startswith("/metrics/"):
            service = self.path.rsplit("/", 1)[1]
            return self._say(200, f"job_ok {self.server.target.well.get(service, 0.0)}\n".encode())
        if not self.path.startswith("/operations/"):
            return self._answer(404, {})
        state = self.server.target.state(self.path.rsplit("/", 1)[1])
        return self._answer(200, {"state": state}) if state else self._answer(404, {})

    def _answer(self, status: int, value: Json) -> None:
        self._say(status, json.dumps(value).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Quiet."""
