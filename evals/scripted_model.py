"""A scripted OpenAI-compatible server: another company's model, stricter than the real ones, saying what a test wants.

`with` or `async with scripted_model([Turn("hello")]) as server:` runs it in a thread of its own on loopback;
`python -m evals.scripted_model SCRIPT.json --port 0` runs it as a process and prints one JSON line when ready.
"""

import asyncio
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, cast

import msgspec
import typer
import uvicorn

from evals.strict_request import check_request

MAX_BODY_BYTES = 4 * 1024 * 1024
HUGE_BYTES = 10 * 1024 * 1024
HANG_SECONDS, STOP_SECONDS = 600, 10
ALWAYS = 1_000_000_000  # as fault_times: the turn never goes on

# What goes wrong with a turn before it goes well; the values are the same words in small letters.
Fault = StrEnum(
    "Fault",
    "TIMEOUT RATE_LIMIT SERVER_ERROR HALF_STREAM BAD_JSON UNKNOWN_TOOL HUGE REFUSAL EMPTY CONTEXT_TOO_LONG AUTH",
)
ANSWERS = {  # status (0: the server hangs) and code; the other faults are answers of status 200
    Fault.TIMEOUT: (0, "timeout"),
    Fault.RATE_LIMIT: (429, "rate_limit_exceeded"),
    Fault.SERVER_ERROR: (500, "server_error"),
    Fault.CONTEXT_TOO_LONG: (400, "context_length_exceeded"),
    Fault.AUTH: (401, "invalid_api_key"),
}
CHAT = ("POST", "/v1/chat/completions")


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer; its fault comes first, `fault_times` times. A turn that is only a fault is then over."""

    text: str = ""
    tool_calls: Sequence[tuple[str, dict[str, Any]]] = ()
    usage: tuple[int, int] | None = None  # prompt and completion tokens; None: a quarter of the bytes
    fault: Fault | str | None = None
    fault_times: int = 1
    retry_after_seconds: int = 1
    pace_s: float = 0.0  # between two frames of a stream

    def __post_init__(self) -> None:
        if not (self.text or self.tool_calls or self.fault) or self.fault_times < 1:
            raise ValueError("a turn speaks, calls a tool or has a fault at least once (for silence: Fault.EMPTY)")
        object.__setattr__(self, "fault", Fault(self.fault) if self.fault else None)
        object.__setattr__(self, "tool_calls", tuple((str(name), dict(args)) for name, args in self.tool_calls))


@dataclass(frozen=True, slots=True)
class Call:
    """One chat request as it arrived, and what it met: `answered`, a fault's name, or the code of its rejection."""

    body: bytes
    request: dict[str, Any]  # empty when the body is no JSON object
    status: int  # 0: the server hangs
    outcome: str


Script = Sequence[Turn] | Callable[[dict[str, Any]], Turn]


def _reply(turn: Turn, fault: str, request: dict[str, Any], number: int) -> dict[str, Any]:
    calls = [(name, json.dumps(args)) for name, args in turn.tool_calls]
    text, refusal = turn.text, None
    if fault in (Fault.REFUSAL, Fault.EMPTY, Fault.HUGE):
        refusal = (turn.text or "I will not help with that.") if fault == Fault.REFUSAL else None
        text, calls = ("x" * HUGE_BYTES if fault == Fault.HUGE else ""), []
    if fault in (Fault.BAD_JSON, Fault.UNKNOWN_TOOL):
        offered = [tool["function"]["name"] for tool in request.get("tools") or ()]
        (name, args), *rest = calls or [((*offered, "no_such_tool")[0], "{}")]
        # A wrong bracket, not a missing one: clients that mend cut JSON would take the latter for sound.
        calls = [(name, args[:-1] + "]") if fault == Fault.BAD_JSON else ("no_such_tool", args), *rest]
    reply: dict[str, Any] = {"role": "assistant", "content": None if calls and not text else text, "refusal": refusal}
    if calls:
        reply["tool_calls"] = [
            {"id": f"call_{number}_{at}", "type": "function", "function": {"name": name, "arguments": args}}
            for at, (name, args) in enumerate(calls)
        ]
    return reply


def _deltas(reply: dict[str, Any]) -> Iterator[dict[str, Any]]:
    def pieces(text: str | None) -> Iterator[str]:
        step = max(7, len(text or "") // 200)
        return ((text or "")[at : at + step] for at in range(0, len(text or ""), step))

    yield {"role": "assistant", "content": ""}
    yield from ({key: piece} for key in ("content", "refusal") for piece in pieces(reply[key]))
    for at, call in enumerate(reply.get("tool_calls", ())):
        yield {"tool_calls": [{"index": at, **call, "function": {**call["function"], "arguments": ""}}]}
        for piece in pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}


def _frames(reply: dict[str, Any], turn: Turn, request: dict[str, Any], number: int) -> list[bytes]:
    spent, made = turn.usage or (len(json.dumps(request)) // 4, len(json.dumps(reply)) // 4)
    usage = {"usage": {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}}
    end = {"index": 0, "finish_reason": "tool_calls" if "tool_calls" in reply else "stop"}
    base = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 0, "model": request["model"]}
    if not request.get("stream"):
        return [json.dumps(base | usage | {"choices": [end | {"message": reply}]}).encode()]
    base["object"] += ".chunk"
    choices = [end | {"finish_reason": None, "delta": delta} for delta in _deltas(reply)] + [end | {"delta": {}}]
    chunks = [base | {"choices": [choice]} for choice in choices]
    if (request.get("stream_options") or {}).get("include_usage"):
        chunks = [chunk | {"usage": None} for chunk in chunks] + [base | usage | {"choices": []}]
    return [f"data: {words}\n\n".encode() for words in [*map(json.dumps, chunks), "[DONE]"]]


class scripted_model:
    """The server, for `with` and `async with`. It plays a list of turns, or asks a callable for each request's turn.

    `calls` are all requests that came to the chat door in order, the rejected ones too; `began` is when (monotonic) the
    answers began.
    """

    max_body_bytes = MAX_BODY_BYTES

    def __init__(
        self, script: Script, key: str = "test-key", model: str = "scripted-1", port: int = 0, cycle: bool = False
    ) -> None:
        self._script, self._cycle = script, cycle
        self._key, self._model, self._port = key, model, port
        self.calls: list[Call] = []
        self.began: list[float] = []
        self._at, self._faulted = 0, 0
        self._last: Turn | None = None
        self._script_error: Exception | None = None

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of `calls`, as plain JSON values."""
        return [call.request for call in self.calls]

    def __enter__(self) -> Self:
        sock = socket.create_server(("127.0.0.1", self._port))  # listens from here on, so nobody waits for the thread
        self.base_url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        quiet: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off", "ws": "none"}
        config = uvicorn.Config(self._serve, interface="asgi3", timeout_graceful_shutdown=1, http="h11", **quiet)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([sock])), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        if self._script_error and error is None:
            raise self._script_error  # a mistake in the test's own script must not look like a bad model

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *error: Any) -> None:
        await asyncio.to_thread(self.__exit__, *error)

    def _next(self, request: dict[str, Any]) -> tuple[Turn, Fault | None]:
        if callable(self._script):
            turn = self._script(request)
        else:
            turn = self._script[self._at % len(self._script)]
        self._faulted, self._last = (self._faulted if turn == self._last else 0), turn
        faulty = turn.fault is not None and self._faulted < turn.fault_times
        self._faulted += faulty
        if not faulty or (self._faulted == turn.fault_times and not (turn.text or turn.tool_calls)):
            self._at, self._faulted = self._at + 1, 0
        return turn, (cast(Fault, turn.fault) if faulty else None)

    def _decide(self, door: tuple[str, str], authorized: bool, body: bytes) -> tuple[int, str, str, Turn | None]:
        if not authorized:
            return 401, "invalid_api_key", "no valid key", None
        if door != CHAT:
            return (200, "models", "", None) if door == ("GET", "/v1/models") else (404, "not_found", "no door", None)
        if len(body) > self.max_body_bytes:
            return 413, "body_too_large", f"over {self.max_body_bytes} bytes", None
        try:
            model = check_request(body)
        except ValueError as error:
            return 400, "invalid_request", str(error), None
        if model != self._model:
            return 404, "model_not_found", f"there is no model {model!r}", None
        if not (callable(self._script) or self._cycle or self._at < len(self._script)):
            return 400, "script_exhausted", "the script has no more turns", None
        try:
            turn, fault = self._next(msgspec.json.decode(body))
        except Exception as error:
            self._script_error = error
            return 500, "script_error", repr(error), None
        found = ANSWERS.get(fault) if fault else None
        return *(found or (200, fault or "answered")), "scripted", turn

    async def _serve(self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body = (body + event.get("body", b""))[: self.max_body_bytes + 1]
            more = event.get("more_body", False)
        door = scope["method"], scope["path"]
        authorized = dict(scope["headers"]).get(b"authorization") == f"Bearer {self._key}".encode()
        status, code, words, turn = self._decide(door, authorized, body)
        request: dict[str, Any] = {}
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            request = msgspec.json.decode(body, type=dict)
        if door == CHAT:
            self.calls.append(Call(body, request, status, code))
        if status == 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(HANG_SECONDS):
                    await receive()  # returns when the client has hung up
            return
        kind, headers = b"application/json", []
        if turn and status == 200:
            number = len(self.calls)
            frames = _frames(_reply(turn, code, request, number), turn, request, number)
            kind = b"text/event-stream" if request.get("stream") else kind
        elif status == 200:
            models = {"object": "list", "data": [{"id": self._model, "object": "model", "created": 0, "owned_by": ""}]}
            frames = [json.dumps(models).encode()]
        else:
            frames = [json.dumps({"error": {"message": words, "type": code, "param": None, "code": code}}).encode()]
            headers = [(b"retry-after", str(turn.retry_after_seconds).encode())] if turn and status == 429 else []
        if code == Fault.HALF_STREAM:  # an answer that never ends makes uvicorn cut the connection
            half = len(frames) // 2
            frames = [*frames[:half], frames[half][: len(frames[half]) // 2]]
        headers.append((b"content-type", kind))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        self.began.append(time.monotonic())
        for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            if turn and turn.pace_s:
                await asyncio.sleep(turn.pace_s)
        if code != Fault.HALF_STREAM:
            await send({"type": "http.response.body"})


def main(script: Path, port: int = 0, key: str = "test-key", model: str = "scripted-1") -> None:
    """Serve a JSON script, a list of turns or {"turns": [...], "cycle": true}, until SIGINT or SIGTERM."""
    loaded = json.loads(script.read_text())
    turns, cycle = (loaded["turns"], loaded.get("cycle", False)) if isinstance(loaded, dict) else (loaded, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with scripted_model([Turn(**turn) for turn in turns], key, model, port, cycle) as server:
        print(json.dumps({"ready": True, "base_url": server.base_url, "model": model}), flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    typer.run(main)
