"""What OpenAI's clients send and get; members that mean nothing here are passed over."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MESSAGES_MAX = 2_000
HISTORY: Any = [{"role": "user", "content": "what changed on checkout?"}]
EXAMPLE: Any = {
    "id": "chatcmpl-01990c2e-9b20-7c3a-9a51-0d8b8c0f2f13", "object": "chat.completion", "created": 1772359140,
    "model": "nightshift",
    "choices": [{
        "index": 0, "finish_reason": "stop", "logprobs": None,
        "message": {"role": "assistant", "content": "v42 was deployed 12 s before.", "refusal": None},
    }],
    "usage": {"prompt_tokens": 7, "completion_tokens": 8, "total_tokens": 15},
}  # fmt: skip


class Said(BaseModel):
    """One message of the conversation as the client remembers it."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream ends with."""

    include_usage: bool | None = None


class CompletionRequest(BaseModel):
    """A question. Only its last message is asked: what was said before is in the thread already."""

    model_config = ConfigDict(json_schema_extra={"example": {"model": "nightshift", "messages": HISTORY}})

    model: str = Field(min_length=1, max_length=200)
    messages: list[Said] = Field(min_length=1, max_length=MESSAGES_MAX)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    response_format: dict[str, Any] | None = Field(None, description="Only for titles; answers are text.")


class Completion(BaseModel):
    """The answer in one piece. Without a model, token counts are estimates from characters."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, int]


class Model(BaseModel):
    """What can be asked."""

    id: str = Field(examples=["nightshift"])
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All that can be asked."""

    object: Literal["list"]
    data: list[Model]


STREAM = {
    "description": "With `stream` a stream of `chat.completion.chunk` events that ends with `[DONE]`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
