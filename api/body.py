"""The cut of request bodies: how large, how deep, how slowly they may come; and the one way to read JSON from them."""

import asyncio
import contextlib
import json
import re
from typing import Any

import orjson
from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

BODY_BYTES_MAX = 8 * 1024 * 1024
BODY_READ_S = 15.0
DRAIN_S = 2.0
JSON_DEPTH_MAX = 64
CLOSE = {"Connection": "close"}
_ONE_KIND_OF_BRACKET = bytes.maketrans(b"[]{}", b"()()")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class BodyCut:
    """Middleware: 413 over the size (counted in bytes that came, not in what was announced), 408 when too slow, 415."""

    def __init__(
        self, app: ASGIApp, bytes_max: int = BODY_BYTES_MAX, read_s: float = BODY_READ_S, counted: Counter | None = None
    ) -> None:
        self.app, self.bytes_max, self.read_s, self.counted = app, bytes_max, read_s, counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body first, then run the application on it."""
        if scope["type"] != "http" or not _may_have_body(scope):
            await self.app(scope, receive, send)
            return
        try:
            messages = await self._read(scope, receive)
        except Problem as problem:
            if self.counted:
                self.counted.labels(str(problem.status)).inc()
            await _refuse(problem.response(scope["path"]), problem.status, receive, send)
            return

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> list[Message]:
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem(415, "A compressed body is not taken; send it as it is.", headers=CLOSE)
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and (len(announced) > 18 or int(announced) > self.bytes_max):
            raise self._too_large()
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.read_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return [message]  # the caller went away
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self.bytes_max:
                        raise self._too_large()
                    if not message.get("more_body"):
                        return [{"type": "http.request", "body": b"".join(parts), "more_body": False}]
        except TimeoutError:
            raise Problem(408, f"The body did not arrive within {self.read_s:g} s.", headers=CLOSE) from None

    def _too_large(self) -> Problem:
        return Problem(413, f"A body has at most {self.bytes_max} bytes; send smaller batches.", headers=CLOSE)


class NotJson(Exception):
    """The body cannot be read as JSON; `reason` is an enumerated word, the message says where."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_json(body: bytes) -> Any:
    """The value in a body: UTF-8 only, at most JSON_DEPTH_MAX deep. Raises NotJson.

    Lone surrogates are let through: whoever stores a text replaces them.
    """
    if not body.strip():
        raise NotJson("empty", "The body is empty.")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise NotJson("not_utf8", f"The body is not UTF-8 (at byte {error.start}).") from None
    if is_too_deep(body):
        raise NotJson("too_deep", f"The body is nested more than {JSON_DEPTH_MAX} levels deep.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not _SURROGATE_ESCAPE.search(body):
            raise NotJson("not_json", f"The body is not JSON: {error}.") from None
    try:
        # orjson is right to refuse half a surrogate pair, but it should not cost the alerts around it. The parsers
        # replace it, and flag the alert that had it.
        return json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        raise NotJson("not_json", f"The body is not JSON: {error}.") from None


def is_too_deep(body: bytes) -> bool:
    """Are arrays and objects nested too deeply? Cheap and exact; brackets inside strings do not count."""
    without_escapes = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = b"".join(without_escapes.split(b'"')[::2])
    brackets = outside_strings.translate(_ONE_KIND_OF_BRACKET, _NO_BRACKETS)
    for _ in range(JSON_DEPTH_MAX):  # each round takes the innermost level away
        inner = len(brackets)
        brackets = brackets.replace(b"()", b"")
        if len(brackets) == inner:  # nothing pairs any more: what is left never closes
            break
    return b"()" in brackets or brackets.count(b"(") > JSON_DEPTH_MAX


async def _refuse(answer: Response, status: int, receive: Receive, send: Send) -> None:
    """Answer at once, then swallow what still comes for a moment: closing at once could cost the sender the answer."""
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    if status != 408:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                    pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _may_have_body(scope: Scope) -> bool:
    return scope["method"] not in ("GET", "HEAD", "OPTIONS") or any(
        name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"]
    )
