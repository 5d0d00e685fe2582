"""Asking an OpenAI-compatible endpoint: streamed, bounded, retried a little, every failure classified."""

import asyncio
import itertools
import json
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from agent.context import ModelSettings
from agent.endpoint_error import classified
from agent.model_failure import FailureKind, ModelFailure
from core.plain_text import storable, storable_value

RETRIES_MAX = 2
BACKOFF_S = 0.5
RETRY_AFTER_S_MAX = 10.0
REPLY_CHARS_MAX = 64 * 1024
FAILURES_UNTIL_OPEN = 5
KEPT_S = 60.0
"""How long a connection is kept for the next question."""
OPEN_S = 60.0
# What says something of the endpoint and not of one question; these open the breaker.
OUTAGES = frozenset({FailureKind.TIMEOUT, FailureKind.RATE_LIMIT, FailureKind.AUTH, FailureKind.UNAVAILABLE})
WHOLE = frozenset({"stop", "tool_calls", "function_call"})

OnText = Callable[[str], Awaitable[None]]
"""Takes pieces of a reply's text as they come."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of a whole reply; `arguments` is None where they are no JSON object."""

    id: str
    name: str
    arguments: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply; `usage` is tokens in and out, None where the endpoint does not say."""

    text: str
    calls: tuple[ToolCall, ...]
    usage: tuple[int, int] | None


@dataclass
class Breaker:
    """After five failures in a row nobody asks for a minute; then one may try."""

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    open_until: float = 0.0

    def check(self) -> None:
        """Raise ModelFailure(unavailable) while it is open."""
        if self.clock() < self.open_until:
            raise ModelFailure(FailureKind.UNAVAILABLE, "it failed five times in a row and is left alone for a minute.")
        if self.failures >= FAILURES_UNTIL_OPEN:
            self.open_until = self.clock() + OPEN_S  # this caller tries; the others wait for what comes of it

    def note(self, *, failed: bool) -> None:
        """Count an outcome."""
        self.failures = self.failures + 1 if failed else 0
        self.open_until = self.clock() + OPEN_S if self.failures >= FAILURES_UNTIL_OPEN else 0.0


# One a process and endpoint: knowing that an endpoint is down is worth more than one investigation.
BREAKERS: dict[tuple[str, str], Breaker] = {}


class _Chat(ChatOpenAI):
    """ChatOpenAI drops a streamed refusal; here it is kept."""

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices") or [{}]
        refusal = (choices[0].get("delta") or {}).get("refusal")
        if made and refusal:
            made.message.additional_kwargs["refusal"] = refusal
        return made


class ModelEndpoint:
    """One model behind one address."""

    def __init__(self, chat: ChatOpenAI, breaker: Breaker, timeout_s: float) -> None:
        self._chat, self._breaker, self._timeout_s = chat, breaker, timeout_s

    async def ask(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[dict[str, Any]],
        seconds: float,
        on_text: OnText | None = None,
    ) -> Reply:
        """One whole reply within so many seconds; its text also goes to `on_text`, piece by piece, as it comes.

        What was passed on cannot be taken back: a reply that breaks off after that is not asked for again. Raises
        ModelFailure.
        """
        self._breaker.check()
        try:
            reply = await self._persistently(messages, tools, seconds, on_text)
        except ModelFailure as failure:
            if failure.kind in OUTAGES:
                self._breaker.note(failed=True)
            raise
        self._breaker.note(failed=False)
        return reply

    async def _persistently(
        self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]], seconds: float, on_text: OnText | None
    ) -> Reply:
        deadline = time.monotonic() + seconds
        for number in itertools.count():
            gathered = _Gathered(on_text)
            try:
                return await self._once(messages, tools, min(self._timeout_s, deadline - time.monotonic()), gathered)
            except ModelFailure as failure:
                wait = self._wait(failure, number)
                if wait is None or gathered.passed_on or time.monotonic() + wait >= deadline:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("counting does not end")

    def _wait(self, failure: ModelFailure, number: int) -> float | None:
        """Seconds until the next try; None where there is none."""
        after = failure.retry_after_s
        if number == RETRIES_MAX or after is None or after > RETRY_AFTER_S_MAX:
            return None
        return max(after, BACKOFF_S * float(1 << number) * (1 + random.random() / 2))

    async def _once(
        self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]], seconds: float, gathered: "_Gathered"
    ) -> Reply:
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                async for chunk in self._chat.bind_tools(list(tools)).astream(list(messages)):
                    if isinstance(chunk, AIMessageChunk):
                        await gathered.pass_on(gathered.add(chunk))
        except (ModelFailure, asyncio.CancelledError):
            raise
        except Exception as error:
            if error is gathered.listener_fault:
                raise  # not the model's: whoever takes the text wants no more of it, or cannot keep it
            raise classified(error) from error
        return gathered.whole()


@cache
def _trusted() -> ssl.SSLContext:
    """Whom we trust, read once a process: it is the costliest part of a connection, and a person waits."""
    return httpx.create_ssl_context()


@asynccontextmanager
async def open_endpoint(settings: ModelSettings) -> AsyncIterator[ModelEndpoint]:
    """The endpoint with connections of its own, closed at the end."""
    breaker = BREAKERS.setdefault((settings.base_url, settings.name), Breaker())
    limits = httpx.Limits(keepalive_expiry=KEPT_S)
    async with httpx.AsyncClient(timeout=settings.timeout_s, verify=_trusted(), limits=limits) as client:
        chat = _Chat(
            model=settings.name,
            base_url=settings.base_url,
            api_key=SecretStr(settings.api_key),
            timeout=settings.timeout_s,
            max_retries=0,  # retries are counted here, where the budget of seconds is known
            stream_usage=True,
            use_responses_api=False,
            http_async_client=client,
        )
        yield ModelEndpoint(chat, breaker, settings.timeout_s)


@dataclass
class _Gathered:
    """The pieces of a streamed reply."""

    on_text: OnText | None = None
    passed_on: bool = False
    listener_fault: Exception | None = None
    text: list[str] = field(default_factory=list)
    calls: dict[int | str, dict[str, str]] = field(default_factory=dict)
    usage: tuple[int, int] | None = None
    finish: str = ""
    refused: bool = False
    chars: int = 0

    def add(self, chunk: AIMessageChunk) -> str:
        """Take a piece; its text. ModelFailure(bad_output) where the reply grows beyond all use."""
        piece = chunk.content if isinstance(chunk.content, str) else ""
        self.text.append(piece)
        self.chars += len(piece)
        for part in chunk.tool_call_chunks:
            index = part["index"]
            call = self.calls.setdefault(
                index if index is not None else part["id"] or "", {"id": "", "name": "", "args": ""}
            )
            for key in call:
                call[key] += str(part.get(key) or "")
            self.chars += len(part["args"] or "")
        self.refused = self.refused or bool(chunk.additional_kwargs.get("refusal"))
        self.finish = str(chunk.response_metadata.get("finish_reason") or self.finish)
        if chunk.usage_metadata:
            self.usage = chunk.usage_metadata["input_tokens"], chunk.usage_metadata["output_tokens"]
        if self.chars > REPLY_CHARS_MAX:
            raise ModelFailure(FailureKind.BAD_OUTPUT, f"a reply was longer than {REPLY_CHARS_MAX} characters.")
        return piece

    async def pass_on(self, piece: str) -> None:
        """Give a piece of text to whoever listens."""
        if piece and self.on_text is not None:
            self.passed_on = True
            try:
                await self.on_text(piece)
            except Exception as fault:
                self.listener_fault = fault
                raise

    def whole(self) -> Reply:
        """The reply, if it came to its end."""
        if self.refused or self.finish == "content_filter":
            raise ModelFailure(FailureKind.REFUSED, "it refused to answer.")
        if self.finish == "length":
            raise ModelFailure(FailureKind.BAD_OUTPUT, "a reply was cut off at its length limit.")
        if self.finish not in WHOLE:
            raise ModelFailure(FailureKind.UNAVAILABLE, "a reply broke off before its end.", 0.0)
        calls = tuple(ToolCall(c["id"] or f"call_{n}", c["name"], _object(c["args"])) for n, c in self.calls.items())
        return Reply(storable("".join(self.text)), calls, self.usage)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return storable_value(value) if isinstance(value, dict) else None


def _no_number(word: str) -> None:
    # Python reads NaN and Infinity, but they are no JSON, and the next request would carry them back.
    raise ValueError(word)
