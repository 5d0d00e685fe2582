"""What an answer writes while people read it: words in short frames, everything in order, until the run is over."""

import asyncio
import contextlib
from collections.abc import Mapping
from time import monotonic
from typing import Any

from engine.chatting import Reason
from store import threads
from store.pool import Row, Store

FRAME_S = 0.05
ANSWER_CHARS_MAX = 100_000


class Lost(Exception):
    """The run is not ours any more: somebody ended it, or another worker took it up."""


class TooLong(Exception):
    """The answer has more characters than any answer may have."""

    reason = Reason.ANSWER_TOO_LONG


class Transcript:
    """The rows of one attempt at one run. `fault` is set once nothing more can be written."""

    def __init__(self, store: Store, run: Row) -> None:
        self.fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._store, self._run = store, run
        self._words: list[str] = []
        self._chars = 0
        self._frame: asyncio.Task[None] | None = None
        self._next = 0.0
        self._writing = asyncio.Lock()

    async def emit(self, kind: str, body: Mapping[str, Any]) -> None:
        """Write a row; words (`token`) go together with those of their frame. Raises Lost, TooLong, Unavailable."""
        if self.fault.done():
            self.fault.result()
        if kind != "token":
            await self.flush()
            await self._write(kind, body)
            return
        self._words.append(str(body["text"]))
        self._chars += len(self._words[-1])
        if self._chars > ANSWER_CHARS_MAX:
            raise TooLong
        if self._frame is None or self._frame.done():
            self._frame = asyncio.create_task(self._frames())

    async def flush(self) -> None:
        """Write the words that wait for their frame."""
        async with self._writing:
            if self._words:
                text = "".join(self._words)
                self._words.clear()
                self._next = monotonic() + FRAME_S
                await self._append("token", {"text": text})

    async def close(self) -> None:
        """Nothing is written from here on."""
        if self._frame is not None:
            self._frame.cancel()
            await asyncio.wait([self._frame])
        if self.fault.done() and not self.fault.cancelled():
            self.fault.exception()  # seen
        self.fault.cancel()

    async def _frames(self) -> None:
        with contextlib.suppress(Exception):  # it is the fault already, which whoever waits for the answer sees
            while self._words:
                await asyncio.sleep(max(0.0, self._next - monotonic()))
                await self.flush()

    async def _write(self, kind: str, body: Mapping[str, Any]) -> None:
        async with self._writing:
            await self._append(kind, body)

    async def _append(self, kind: str, body: Mapping[str, Any]) -> None:
        try:
            async with self._store.begin(single=True) as conn:
                if await threads.append_for_run(conn, self._run, kind, body) is None:
                    raise Lost
        except Exception as error:
            if not self.fault.done():
                self.fault.set_exception(error)
            raise
