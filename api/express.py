"""The express lane of the two doors that a storm comes through, Alertmanager's webhook and its API.

It takes what is plainly in order (a known key, and every alert well formed) without the general machinery
of routes, which costs more than all the rest. Everything else goes on to the routes, unread as it came.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import KnownKeys, Principal, Role, key_of, needs
from api.delivery import Delivery
from api.figures import Figures
from api.problems import problem_of
from ingest.parsed import Parsed
from ingest.recognise import Recogniser

ALLOWED = needs(Role.MACHINE, "alertmanager")
JSON = [(b"content-type", b"application/json")]
Recognise = Callable[[bytes, str, datetime], Parsed | None]


class Express:
    """Middleware, inside of whatever bounds the body."""

    def __init__(self, app: ASGIApp, house: Any, keys: KnownKeys, figures: Figures) -> None:
        self.app, self.house, self.keys, self.figures = app, house, keys, figures
        known = Recogniser()
        self.doors: dict[str, tuple[str, Recognise]] = {
            "/api/v2/alerts": ("v2", known.read_v2),
            "/api/v1/webhooks/alertmanager": ("alertmanager", known.read_webhook),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take it here, or let the routes have it."""
        door = self.doors.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        caller = self._caller(scope) if door else None
        if door is None or caller is None:
            await self.app(scope, receive, send)
            return
        route, recognise = door
        started, status = time.perf_counter(), "2xx"
        message = await receive()
        try:
            self.house.intake.refuse_if_full()
            body = b"" if message.get("more_body") else message.get("body", b"")
            parsed = recognise(body, caller.name, datetime.now(UTC))
            if parsed is None:
                await self.app(scope, _first(message, receive), send)
                return
            delivery = Delivery(self.house.store, self.house.intake, self.figures, caller.name)
            counts, rejected = await delivery.store_alerts(parsed)
            if rejected:  # by the database, in spite of everything: the answer is the same as on the long way
                status = "4xx" if route == "v2" else status
            answer, code = _answer(route, counts, [one.detail for one in rejected])
            await send({"type": "http.response.start", "status": code, "headers": _headers(answer)})
            await send({"type": "http.response.body", "body": answer})
        except Exception as error:
            problem = problem_of(error)
            status = f"{problem.status // 100 if problem else 5}xx"
            if problem is None:
                raise
            await problem.response()(scope, receive, send)
        self.figures.webhook_s.labels(route, status).observe(time.perf_counter() - started)

    def _caller(self, scope: Scope) -> Principal | None:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        key = key_of(given.decode("latin-1"))
        principal = self.keys.fresh(key) if key else None
        return principal if principal and ALLOWED.allows(principal) else None


def _answer(route: str, counts: dict[str, int], faults: list[str]) -> tuple[bytes, int]:
    if route != "v2":
        return orjson.dumps(counts), 200
    return (orjson.dumps("; ".join(faults)), 400) if faults else (b"", 200)


def _headers(body: bytes) -> list[tuple[bytes, bytes]]:
    length = (b"content-length", str(len(body)).encode())
    return [*JSON, length] if body else [length]


def _first(message: Message, receive: Receive) -> Receive:
    """The same body again, then whatever comes after it."""
    waiting = [message]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
