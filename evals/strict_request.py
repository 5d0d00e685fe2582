"""What a strict OpenAI-compatible endpoint takes: the form of a chat request and the order of its messages."""

from functools import partial
from typing import Annotated, Any, Literal

import msgspec

MAX_MESSAGES, MAX_TOOLS = 2048, 128


def check_request(body: bytes) -> str:
    """The model that a well-formed request names. ValueError with the first thing that is wrong."""
    try:
        return msgspec.json.decode(body, type=_Request).model
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _need(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)


# The strict form of a request. msgspec refuses unknown fields, wrong types, broken Unicode and NaN by itself.
_strict = partial(msgspec.defstruct, forbid_unknown_fields=True, kw_only=True)
_message = partial(_strict, tag_field="role")
_Name = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,64}\\Z")]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
_Many = msgspec.Meta(min_length=1, max_length=MAX_TOOLS)
_FUNCTION = ("type", Literal["function"])
_Text = str | list[_strict("Part", [("type", Literal["text"]), ("text", str)])]
_ToolCall = _strict(
    "ToolCall", [("id", _Id), _FUNCTION, ("function", _strict("Called", [("name", _Name), ("arguments", str)]))]
)
_SPOKEN = [("content", _Text), ("name", str | None, None)]
_REPLY = [("content", _Text | None, None), ("refusal", str | None, None), ("name", str | None, None)]
_System, _Developer, _User = (_message(r.title(), _SPOKEN, tag=r) for r in ("system", "developer", "user"))
_Assistant = _message(
    "Assistant", [*_REPLY, ("tool_calls", Annotated[list[_ToolCall], _Many] | None, None)], tag="assistant"
)
_Tool = _message("Tool", [("content", _Text), ("tool_call_id", _Id)], tag="tool")
_Messages = list[_System | _Developer | _User | _Assistant | _Tool]
_Type = Literal["object", "array", "string", "number", "integer", "boolean", "null"]


class _Schema(msgspec.Struct):
    type: _Type | list[_Type] | None = None
    properties: "dict[str, _Schema]" = {}
    required: list[str] = []
    items: "_Schema | None" = None
    anyOf: "list[_Schema]" = []
    enum: Annotated[list[Any], msgspec.Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        _need(set(self.required) <= set(self.properties), "required names no property")
        _need(self.type != "array" or self.items, "an array without items")


_OPTIONS = [("description", str, ""), ("parameters", _Schema), ("strict", bool | None, None)]
_Offer = _strict("Offer", [_FUNCTION, ("function", _strict("Function", [("name", _Name), *_OPTIONS]))])
_Choice = _strict("Choice", [_FUNCTION, ("function", _strict("Chosen", [("name", _Name)]))])


class _Request(msgspec.Struct, kw_only=True):  # sampling parameters differ from vendor to vendor and pass unread
    model: str
    messages: Annotated[_Messages, msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)]
    tools: Annotated[list[_Offer], _Many] | None = None
    tool_choice: Literal["none", "auto", "required"] | _Choice | None = None
    stream: bool | None = None
    stream_options: dict[str, bool] | None = None

    def __post_init__(self) -> None:
        offered = [tool.function for tool in self.tools or ()]
        names = {function.name for function in offered}
        chosen = self.tool_choice.function.name if isinstance(self.tool_choice, _Choice) else None
        _need(all(function.parameters.type == "object" for function in offered), "parameters are no object")
        _need(len(names) == len(offered), "two tools have one name")
        _need(self.tool_choice is None or (names if chosen is None else chosen in names), "tool_choice: no such tool")
        _need(self.stream or not self.stream_options, "stream_options needs stream")
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
