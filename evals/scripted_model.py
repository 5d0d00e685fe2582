"""A scripted OpenAI-compatible server: another company's model, stricter than the real ones, saying what a test wants.

`with` or `async with scripted_model([Turn("hello")]) as server:` runs it in a thread of its own on loopback;
`python -m evals.scripted_model SCRIPT.json --port 0` runs it as a process and prints one JSON line when ready.
"""

import argparse
import asyncio
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
import uvicorn

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_MESSAGES, MAX_TOOLS = 2048, 128
HUGE_BYTES = 10 * 1024 * 1024
HANG_SECONDS, STOP_SECONDS = 600, 10
ALWAYS = 1_000_000_000  # as fault_times: the turn never goes on

# What goes wrong with a turn before it goes well; the values are the same words in small letters.
Fault = StrEnum(
    "Fault",
    "TIMEOUT RATE_LIMIT SERVER_ERROR HALF_STREAM BAD_JSON UNKNOWN_TOOL HUGE REFUSAL EMPTY CONTEXT_TOO_LONG AUTH",
)
STATUS_FAULTS = {
    Fault.RATE_LIMIT: (429, "rate_limit_exceeded"),
    Fault.SERVER_ERROR: (500, "server_error"),
    Fault.CONTEXT_TOO_LONG: (400, "context_length_exceeded"),
    Fault.AUTH: (401, "invalid_api_key"),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer; its fault comes first, `fault_times` times. A turn that is only a fault is then over."""

    text: str = ""
    tool_calls: Sequence[tuple[str, dict[str, Any]]] = ()
    usage: tuple[int, int] | None = None  # prompt and completion tokens; None: a quarter of the bytes
    fault: Fault | str | None = None
    fault_times: int = 1
    retry_after_seconds: int = 1

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


def _need(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)


# The strict form of a request. msgspec refuses unknown fields, wrong types, broken Unicode and NaN by itself.
_strict = partial(msgspec.defstruct, forbid_unknown_fields=True, kw_only=True)
_message = partial(_strict, tag_field="role")
_Name = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
_Limit = Annotated[int, msgspec.Meta(gt=0)] | None
_Text = str | list[_strict("Part", [("type", Literal["text"]), ("text", str)])]
_Called = _strict("Called", [("name", _Name), ("arguments", str)])
_ToolCall = _strict("ToolCall", [("id", _Id), ("type", Literal["function"]), ("function", _Called)])
_ToolCalls = Annotated[list[_ToolCall], msgspec.Meta(min_length=1, max_length=MAX_TOOLS)] | None
_SPOKEN = [("content", _Text), ("name", str | None, None)]
_REPLY = [("content", _Text | None, None), ("refusal", str | None, None), ("tool_calls", _ToolCalls, None)]
_System, _Developer, _User = (_message(r.title(), _SPOKEN, tag=r) for r in ("system", "developer", "user"))
_Assistant = _message("Assistant", [*_REPLY, ("name", str | None, None)], tag="assistant")
_Tool = _message("Tool", [("content", _Text), ("tool_call_id", _Id)], tag="tool")
_Messages = list[_System | _Developer | _User | _Assistant | _Tool]
_Choice = _strict("Choice", [("type", Literal["function"]), ("function", _strict("Chosen", [("name", _Name)]))])
_StreamOptions = _strict("StreamOptions", [("include_usage", bool, False)])
_Type = Literal["object", "array", "string", "number", "integer", "boolean", "null"]


class _Schema(msgspec.Struct):
    type: _Type | list[_Type] | None = None
    properties: "dict[str, _Schema]" = {}
    required: list[str] = []
    items: "_Schema | None" = None
    any_of: "list[_Schema]" = msgspec.field(default_factory=list, name="anyOf")
    enum: Annotated[list[Any], msgspec.Meta(min_length=1)] | None = None
    additional: Any = msgspec.field(default=True, name="additionalProperties")

    def __post_init__(self) -> None:
        _need(set(self.required) <= set(self.properties), "required names no property")
        _need(self.type != "array" or self.items, "an array without items")


class _Function(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: _Name
    description: str = ""
    parameters: _Schema = msgspec.field(default_factory=lambda: _Schema(type="object"))
    strict: bool | None = None

    def __post_init__(self) -> None:
        schema = self.parameters
        _need(schema.type == "object", f"the parameters of {self.name} are no object")
        closed = schema.additional is False and set(schema.required) == set(schema.properties)
        _need(not self.strict or closed, f"strict {self.name} must be closed and require every property")


_Offer = _strict("Offer", [("type", Literal["function"]), ("function", _Function)])


class _Request(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    model: str
    messages: Annotated[_Messages, msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)]
    tools: Annotated[list[_Offer], msgspec.Meta(min_length=1, max_length=MAX_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | _Choice | None = None
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    max_tokens: _Limit = None
    max_completion_tokens: _Limit = None
    n: Literal[1] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    user: str | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        names = [tool.function.name for tool in self.tools or ()]
        idle = self.tool_choice is None and self.parallel_tool_calls is None
        _need(names or idle, "tool_choice and parallel_tool_calls need tools")
        _need(len(set(names)) == len(names), "two tools have one name")
        chosen = self.tool_choice.function.name if isinstance(self.tool_choice, _Choice) else None
        _need(chosen is None or chosen in names, f"tool_choice: there is no tool {chosen}")
        _need(self.stream or not self.stream_options, "stream_options needs stream")
        _need(not (self.max_tokens and self.max_completion_tokens), "two limits of tokens")
        _check_messages(self.messages)


def _check_messages(messages: _Messages) -> None:
    waiting: set[str] = set()  # calls that no tool message has answered yet
    seen: set[str] = set()
    for at, message in enumerate(messages):
        if isinstance(message, _Tool):  # the only one that may have nothing to say
            _need(message.tool_call_id in waiting, f"messages[{at}] answers no open call")
            waiting.remove(message.tool_call_id)
            continue
        _need(not waiting, f"before messages[{at}] nothing answers {sorted(waiting)}")
        calls, refusal = getattr(message, "tool_calls", None) or [], getattr(message, "refusal", None)
        _need(message.content or calls or refusal, f"messages[{at}] says nothing")
        for call in calls:
            _need(call.id not in seen, f"messages[{at}] uses {call.id} again")
            msgspec.json.decode(call.function.arguments, type=dict)  # others than the first vendor insist on it
            seen.add(call.id)
            waiting.add(call.id)
    _need(not waiting, f"nothing answers {sorted(waiting)}")
    _need(any(isinstance(message, _User) for message in messages), "the user says nothing")
    _need(not isinstance(messages[-1], _Assistant), "the assistant has the last word already")


def _reply(turn: Turn, fault: Fault | None, request: dict[str, Any], number: int) -> dict[str, Any]:
    calls = [(name, json.dumps(args)) for name, args in turn.tool_calls]
    text, refusal = turn.text, None
    if fault in (Fault.REFUSAL, Fault.EMPTY, Fault.HUGE):
        refusal = (turn.text or "I will not help with that.") if fault is Fault.REFUSAL else None
        text, calls = ("x" * HUGE_BYTES if fault is Fault.HUGE else ""), []
    if fault in (Fault.BAD_JSON, Fault.UNKNOWN_TOOL):
        offered = [tool["function"]["name"] for tool in request.get("tools") or ()]
        (name, args), *rest = calls or [((*offered, "no_such_tool")[0], "{}")]
        # A wrong bracket, not a missing one: clients that mend cut JSON would take the latter for sound.
        calls = [(name, args[:-1] + "]") if fault is Fault.BAD_JSON else ("no_such_tool", args), *rest]
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
        return (text[at : at + step] for at in range(0, len(text), step)) if text else iter(())

    yield {"role": "assistant", "content": ""}
    yield from ({key: piece} for key in ("content", "refusal") for piece in pieces(reply[key]))
    for at, call in enumerate(reply.get("tool_calls", ())):
        yield {"tool_calls": [{"index": at, **call, "function": {**call["function"], "arguments": ""}}]}
        for piece in pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _frames(reply: dict[str, Any], usage: tuple[int, int] | None, request: dict[str, Any], number: int) -> list[bytes]:
    spent, made = usage or (len(_json(request)) // 4, len(_json(reply)) // 4)
    counted = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}
    why = "tool_calls" if "tool_calls" in reply else "stop"
    base = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 0, "model": request["model"]}
    if not request.get("stream"):
        choice = {"index": 0, "message": reply, "finish_reason": why}
        return [_json(base | {"choices": [choice], "usage": counted})]
    base["object"] = "chat.completion.chunk"
    chunks = [base | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in _deltas(reply)]
    chunks.append(base | {"choices": [{"index": 0, "delta": {}, "finish_reason": why}]})
    if (request.get("stream_options") or {}).get("include_usage"):
        chunks = [chunk | {"usage": None} for chunk in chunks] + [base | {"choices": [], "usage": counted}]
    return [b"data: " + _json(chunk) + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]


Script = Sequence[Turn] | Callable[[dict[str, Any]], Turn]
Answer = tuple[int, str, str]  # status (0: hang), code, words


class ScriptedModel:
    """The server. `calls` are all requests that came to the chat door in order, the rejected ones too."""

    def __init__(self, script: Script, key: str, model: str, port: int, cycle: bool, max_body_bytes: int) -> None:
        self._script, self._key, self._model, self._port = script, key, model, port
        self._cycle, self._max_body_bytes = cycle, max_body_bytes
        self.calls: list[Call] = []
        self.base_url = ""
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
        self._server = uvicorn.Server(uvicorn.Config(self._serve, timeout_graceful_shutdown=1, http="h11", **quiet))
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

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _next(self, request: dict[str, Any]) -> tuple[Turn, Fault | None]:
        if callable(self._script):
            turn = self._script(request)
        else:
            if self._at >= len(self._script) and not self._cycle:
                raise EOFError
            turn = self._script[self._at % len(self._script)]
        self._faulted = self._faulted if turn == self._last else 0
        self._last = turn
        faulty = turn.fault is not None and self._faulted < turn.fault_times
        self._faulted += faulty
        if not faulty or (self._faulted == turn.fault_times and not (turn.text or turn.tool_calls)):
            self._at, self._faulted = self._at + 1, 0
        return turn, (turn.fault if faulty else None)

    def _rejection(self, body: bytes) -> Answer | None:
        if len(body) > self._max_body_bytes:
            return 413, "body_too_large", f"over {self._max_body_bytes} bytes"
        try:
            model = msgspec.json.decode(body, type=_Request).model
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return 400, "invalid_request", str(error)
        return None if model == self._model else (404, "model_not_found", f"there is no model {model!r}")

    def _decide(self, door: tuple[str, str], authorized: bool, body: bytes) -> tuple[Answer, Turn | None, Fault | None]:
        if not authorized:
            return (401, "invalid_api_key", "no valid key"), None, None
        if door == ("GET", "/v1/models"):
            return (200, "models", ""), None, None
        if door != ("POST", "/v1/chat/completions"):
            return (404, "not_found", "there is no such door"), None, None
        if rejection := self._rejection(body):
            return rejection, None, None
        try:
            turn, fault = self._next(msgspec.json.decode(body))
        except EOFError:
            return (400, "script_exhausted", "the script has no more turns"), None, None
        except Exception as error:
            self._script_error = error
            return (500, "script_error", repr(error)), None, None
        status, code = STATUS_FAULTS.get(fault, (200, fault or "answered"))
        return (0 if fault is Fault.TIMEOUT else status, code, "scripted"), turn, fault

    async def _serve(self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body = (body + event.get("body", b""))[: self._max_body_bytes + 1]
            more = event.get("more_body", False)
        authorized = dict(scope["headers"]).get(b"authorization") == f"Bearer {self._key}".encode()
        door = scope["method"], scope["path"]
        (status, code, text), turn, fault = self._decide(door, authorized, body)
        try:
            request = msgspec.json.decode(body, type=dict)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            request = {}
        if door[1].endswith("/chat/completions"):
            self.calls.append(Call(body, request, status, code))
        if fault is Fault.TIMEOUT:
            with suppress(TimeoutError):
                await asyncio.wait_for(receive(), HANG_SECONDS)  # returns when the client has hung up
            return
        headers, frames = [(b"content-type", b"application/json")], []
        if turn and status == 200:
            reply = _reply(turn, fault, request, len(self.calls))
            frames = _frames(reply, turn.usage, request, len(self.calls))
            if request.get("stream"):
                headers = [(b"content-type", b"text/event-stream")]
        elif status == 200:
            frames = [_json({"object": "list", "data": [{"id": self._model, "object": "model", "created": 0}]})]
        else:
            frames = [_json({"error": {"message": text, "type": code, "param": None, "code": code}})]
            if turn and status == 429:
                headers.append((b"retry-after", str(turn.retry_after_seconds).encode()))
        if len(frames) == 1:  # a stream goes out in chunks of unknown number
            headers.append((b"content-length", str(len(frames[0])).encode()))
        if fault is Fault.HALF_STREAM:
            half = len(frames) // 2
            frames = [*frames[:half], frames[half][: len(frames[half]) // 2]]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        if fault is not Fault.HALF_STREAM:  # an answer that never ends makes uvicorn cut the connection
            await send({"type": "http.response.body"})


def scripted_model(
    script: Script,
    key: str = "test-key",
    model: str = "scripted-1",
    port: int = 0,
    cycle: bool = False,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> ScriptedModel:
    """A server for `with` or `async with`: it plays the turns, or asks the callable for each request's turn."""
    return ScriptedModel(script, key, model, port, cycle, max_body_bytes)


def main() -> None:
    """Serve a JSON script, a list of turns or {"turns": [...], "cycle": true}, until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="evals.scripted_model", description=main.__doc__)
    parser.add_argument("script", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="test-key")
    parser.add_argument("--model", default="scripted-1")
    args = parser.parse_args()
    loaded = json.loads(args.script.read_text())
    script = loaded if isinstance(loaded, dict) else {"turns": loaded}
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    turns = [Turn(**turn) for turn in script["turns"]]
    with scripted_model(turns, args.key, args.model, args.port, bool(script.get("cycle"))) as server:
        print(json.dumps({"ready": True, "base_url": server.base_url, "model": args.model}), flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
