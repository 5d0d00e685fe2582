"""A strict container engine on a unix socket, written from the Engine API's specification, with its own log of effects.

Unknown paths, versions, parameters, bodies and media types are refused, as is every method that a path does not have.
"""

import json
import re
import socket
import socketserver
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
NEWEST, OLDEST = (1, 51), (1, 24)
EVENTS_KEPT = 256
QUERIES: Mapping[str, frozenset[str]] = {
    "json": frozenset({"size"}), "restart": frozenset({"t", "signal"}), "stop": frozenset({"t", "signal"}),
    "start": frozenset({"detachKeys"}), "update": frozenset(), "info": frozenset(),
    "events": frozenset({"since", "until", "filters"}),
}  # fmt: skip
UPDATES = frozenset(
    {"Memory", "MemorySwap", "MemoryReservation", "NanoCpus", "CpuShares", "PidsLimit", "RestartPolicy"}
)


@dataclass
class Box:
    """A container."""

    id: str
    name: str
    running: bool = True
    started: float = field(default_factory=lambda: time.time() - 3_600)
    memory: int = 256 << 20
    swap: int = 512 << 20
    nano_cpus: int = 0
    labels: dict[str, str] = field(default_factory=dict)


@dataclass
class Engine:
    """The daemon. `fault` is what goes wrong with the next change: `cut_before`, `cut_after`, `hang`, `500`."""

    path: str
    boxes: dict[str, Box] = field(default_factory=dict)
    effects: list[tuple[str, str]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    fault: str = ""
    version: str = "1.51"
    clock_ahead_s: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)
    _events: deque[Json] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def add(self, box: Box) -> Box:
        """Register a container."""
        self.boxes[box.name] = box
        return box

    def now(self) -> float:
        """The daemon's own clock."""
        return time.time() + self.clock_ahead_s

    def note(self, kind: str, action: str, actor: str) -> None:
        """An event; the ring keeps the last 256 of every kind together."""
        at = self.now()
        row = {"Type": kind, "Action": action, "Actor": {"ID": actor, "Attributes": {}}, "scope": "local"}
        self._events.append({**row, "time": int(at), "timeNano": int(at * 1e9)})

    def events(self, since: float, until: float) -> list[Json]:
        """What the ring still knows of a span."""
        return [row for row in self._events if since <= row["timeNano"] / 1e9 <= until]

    def find(self, word: str) -> Box | None:
        """By name, whole id, or a prefix of it."""
        return self.boxes.get(word) or next((b for b in self.boxes.values() if b.id.startswith(word)), None)

    def apply(self, verb: str, box: Box, body: Json) -> None:
        """The effect of a change, with the events that it has."""
        self.effects.append((verb, box.id))
        steps = {"restart": ("kill", "die", "stop", "start", "restart"), "stop": ("kill", "die", "stop")}
        for action in steps.get(verb, (verb,)):
            self.note("container", action, box.id)
        if verb in ("restart", "start"):
            box.running, box.started = True, self.now()
        box.running = box.running and verb != "stop"
        box.memory, box.swap = body.get("Memory", box.memory), body.get("MemorySwap", box.swap)
        box.nano_cpus = body.get("NanoCpus", box.nano_cpus)

    def __enter__(self) -> Self:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        super().__init__(engine.path, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: two would wait for each other

    def address_string(self) -> str:
        """A unix socket has no address."""
        return "unix"

    def log_message(self, *words: Any) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def do_DELETE(self) -> None:
        self._route()

    def _route(self) -> None:
        engine = self.server.engine
        engine.requests.append(f"{self.command} {self.path}")
        parts = urlsplit(self.path)
        if parts.path == "/_ping" and self.command in ("GET", "HEAD"):
            return self._send(200, "OK", "text/plain", {"Api-Version": engine.version, "Ostype": "linux"})
        found = re.fullmatch(r"/v(\d+)\.(\d+)(/.*)", parts.path)
        if not found:
            return self._no(404, "page not found")
        version, path = (int(found[1]), int(found[2])), found[3]
        if not OLDEST <= version <= NEWEST:
            return self._no(400, f"client version {found[1]}.{found[2]} is outside of 1.24 to 1.51")
        query = {name: values for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return self._api(path, query)

    def _api(self, path: str, query: dict[str, list[str]]) -> None:
        engine, verb = self.server.engine, path.rsplit("/", 1)[1]
        if path in ("/info", "/events"):
            wanted = "GET"
        elif re.fullmatch(r"/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/(json|restart|start|stop|update)", path):
            wanted = "GET" if verb == "json" else "POST"
        else:
            return self._no(404, "page not found")
        if self.command != wanted:
            return self._no(405, "method not allowed")
        if odd := set(query) - QUERIES[verb]:
            return self._no(400, f"unknown parameters {sorted(odd)}")
        if any(len(values) != 1 for values in query.values()):
            return self._no(400, "a parameter twice")
        values = {name: given[0] for name, given in query.items()}
        if path == "/info":
            return self._json(200, {"ID": "x", "SystemTime": _rfc3339(engine.now())})
        if path == "/events":
            return self._stream(values)
        box = engine.find(path.split("/")[2])
        if box is None:
            return self._no(404, f"No such container: {path.split('/')[2]}")
        return self._json(200, _inspected(box)) if verb == "json" else self._change(verb, box, values)

    def _change(self, verb: str, box: Box, values: dict[str, str]) -> None:
        engine, fault = self.server.engine, self.server.engine.fault
        if not re.fullmatch(r"-?\d+", values.get("t", "0")):
            return self._no(400, "t is no number")
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body: Json = {}
        if verb == "update":
            if self.headers.get("Content-Type") != "application/json":
                return self._no(400, "malformed Content-Type")
            body = json.loads(raw)
            if odd := set(body) - UPDATES:
                return self._no(400, f"unknown fields {sorted(odd)}")
            if body.get("Memory", 0) > body.get("MemorySwap", box.swap) > 0:
                return self._no(400, "Memory limit should be smaller than already set memoryswap limit")
        elif raw:
            return self._no(400, "a body where none belongs")
        if (verb == "start" and box.running) or (verb == "stop" and not box.running):
            return self._send(304, "", "")
        if fault == "500":
            return self._no(500, "something went wrong inside")
        if fault in ("cut_after", ""):
            engine.apply(verb, box, body)
        if fault == "hang":
            engine.released.wait(20)
        if fault:
            return self.connection.shutdown(socket.SHUT_RDWR)
        return self._json(200, {"Warnings": None}) if verb == "update" else self._send(204, "", "")

    def _stream(self, values: dict[str, str]) -> None:
        engine = self.server.engine
        if not re.fullmatch(r"\d+(\.\d{1,9})?", values.get("until", "")):
            return self._no(400, "this fake answers only where until is given")
        until, since = float(values["until"]), float(values.get("since", values["until"]))
        time.sleep(max(0.0, min(until - engine.now(), 5.0)))
        lines = "".join(json.dumps(row) + "\n" for row in engine.events(since, until))
        return self._send(200, lines, "application/json")

    def _no(self, status: int, message: str) -> None:
        self.server.engine.refused.append(f"{self.command} {self.path}: {message}")
        self._json(status, {"message": message})

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value) + "\n", "application/json")

    def _send(self, status: int, text: str, media: str, more: Mapping[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": media, **(more or {})}.items():
            if value:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)


def _rfc3339(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e9):09d}Z"


def _inspected(box: Box) -> Json:
    return {
        "Id": box.id, "Name": f"/{box.name}", "RestartCount": 0,
        "State": {"Status": "running" if box.running else "exited", "StartedAt": _rfc3339(box.started)},
        "HostConfig": {"Memory": box.memory, "MemorySwap": box.swap, "NanoCpus": box.nano_cpus},
        "Config": {"Image": "worker:1", "Labels": box.labels},
    }  # fmt: skip
