"""Numbered rows as server-sent events: each once, in order, from any number on; many readers at the price of one."""

import asyncio
import json
import math
import time
from contextlib import aclosing
from typing import Annotated, Any

import structlog
from fastapi import Header, Query, Request
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access import KnownKeys, Principal, house_of
from api.problems import Problem
from core.errors import Unavailable
from store import tail
from store.pool import Row
from store.tail import Kept, Source

PING_S = 15.0
LET_IN_S = 10.0
SEND_S_MAX = 30.0
CHUNK_BYTES_MAX = 64 * 1024
SEQ_MAX = 2**63 - 1
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
PING = b": ping\n\n"
After = Annotated[int, Query(ge=0, le=SEQ_MAX, description="Only rows with higher numbers.")]
RowLimit = Annotated[int, Query(ge=1, le=tail.ROWS_AT_ONCE_MAX, description="Rows of a page (`follow=false`).")]
Follow = Annotated[bool, Query(description="Stay, and get rows as they are written.")]
LastEventId = Annotated[str | None, Header(description="Outranks `after`; browsers send it.")]
STREAM = {
    "description": "With `follow=false` a page; otherwise a stream: event id `seq`, event `kind`, data the row.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

log = structlog.get_logger(__name__)


class Still:
    """May somebody who was let in a while ago stay? The tables are asked every LET_IN_S."""

    def __init__(self, request: Request, caller: Principal, *, within_s: float = math.inf) -> None:
        self._app, self._caller = request.app, caller
        self._let_in = time.monotonic()
        self._ends_at = self._let_in + within_s

    async def may_stay(self) -> bool:
        """False when the process drains, the time is over, or the key was taken away."""
        now = time.monotonic()
        if getattr(self._app.state, "draining", False) or now > self._ends_at:
            return False
        if now - self._let_in < LET_IN_S:
            return True
        self._let_in = now
        known: KnownKeys = self._app.state.keys
        try:
            return await known.still(self._caller)
        except Unavailable:
            return True  # a database that is away for a moment throws nobody out


class Stream(Response):
    """Rows after a number, for as long as somebody reads who works here and is logged in, and this process does not
    drain (`app.state.draining`). Who takes nothing for SEND_S_MAX is dropped, and reads on from their last number."""

    media_type = "text/event-stream"
    send_s_max = SEND_S_MAX

    def __init__(self, request: Request, caller: Principal, source: Source, seen: int, form: type[BaseModel]) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._still, self._source, self._seen, self._form = Still(request, caller), source, seen, form
        self._store, self._sent = house_of(request).store, time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end of the story, the reader or the process."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send_rows(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            log.info("stream.too_slow", channel=self._source.channel)
            if cut := scope.get("nightshift.cut"):
                cut()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_rows(self, send: Send) -> None:
        async with aclosing(tail.batches(self._store, self._source, self._seen)) as found:
            async for rows in found:
                if not await self._still.may_stay():
                    return
                for chunk in self._chunks(rows):
                    async with asyncio.timeout(self.send_s_max):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    self._sent = time.monotonic()

    def _chunks(self, rows: list[Kept]) -> list[bytes]:
        """The rows in pieces that fit a slow reader's buffer; a ping where it was silent for long."""
        chunks: list[list[bytes]] = [[]]
        size = 0
        for kept in rows:
            if not kept.frame:
                kept.frame = frame(kept.row, self._form)
            if size + len(kept.frame) > CHUNK_BYTES_MAX and chunks[-1]:
                chunks.append([])
                size = 0
            chunks[-1].append(kept.frame)
            size += len(kept.frame)
        if not rows and time.monotonic() - self._sent > PING_S:
            return [PING]
        return [b"".join(chunk) for chunk in chunks if chunk]


async def _left(receive: Receive) -> None:
    """Ends when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def frame(row: Row, form: type[BaseModel]) -> bytes:
    """A row as a server-sent event."""
    data = json.dumps(form.model_validate(row).model_dump(mode="json"), ensure_ascii=False)
    return f"id: {row['seq']}\nevent: {row['kind']}\ndata: {data}\n\n".encode()


def place(after: int, last_event_id: str | None) -> int:
    """Where a reader goes on: Last-Event-ID outranks `after`."""
    if last_event_id is None:
        return after
    text = last_event_id
    if text.isascii() and text.isdecimal() and len(text) <= len(str(SEQ_MAX)) and int(text) <= SEQ_MAX:
        return int(text)
    raise Problem(422, "Last-Event-ID must be the number of a row.")


def page(rows: list[Row], limit: int) -> dict[str, Any]:
    """Rows that are there now; `rows` holds one more than `limit` where there is a next page."""
    return {"items": rows[:limit], "next": rows[limit - 1]["seq"] if len(rows) > limit else None}
