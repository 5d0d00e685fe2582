"""What AG-UI's clients send: a run's input, of which the last message or the answers to interrupts count."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.alias_generators import to_camel

ID_CHARS_MAX = 200
ID = r"^[^\x00-\x1f\x7f]+$"
MESSAGES_MAX = 2_000
RESUMED_MAX = 20
REASON_CHARS_MAX = 4_000
EXAMPLE: Any = {
    "threadId": "checkout", "runId": "run-1", "messages": [
        {"id": "m1", "role": "user", "content": "what changed on checkout?"}
    ],
    "tools": [], "context": [], "state": {}, "forwardedProps": {},
}  # fmt: skip


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Decision(_Camel):
    """The payload of an answer to an interrupt. Front ends that ask yes or no send `approved`."""

    verdict: Literal["approve", "reject"] | None = None
    approved: StrictBool | None = None
    reason: str = Field("", max_length=REASON_CHARS_MAX)
    intent_hash: str = Field("", pattern="^([0-9a-f]{64})?$", description="Checked where it is given.")

    def decided(self) -> str | None:
        """approve or reject; None where nothing was decided, or two things at once."""
        said = None if self.approved is None else "approve" if self.approved else "reject"
        return self.verdict or said if self.verdict in (None, said) or said is None else None


class Resumed(_Camel):
    """An answer to one interrupt."""

    interrupt_id: str = Field(min_length=1, max_length=ID_CHARS_MAX)
    status: Literal["resolved", "cancelled"]
    payload: Any = None


class RunInput(_Camel):
    """A request to run. `tools`, `context` and `state` are passed over: what may be done is decided here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, json_schema_extra={"example": EXAMPLE})

    thread_id: str = Field(max_length=ID_CHARS_MAX, pattern=ID)
    run_id: str = Field(max_length=ID_CHARS_MAX, pattern=ID)
    messages: list[dict[str, Any]] = Field(max_length=MESSAGES_MAX)
    resume: list[Resumed] | None = Field(None, max_length=RESUMED_MAX)


STREAM = {
    "description": "The events of AG-UI 1.0, one JSON object each.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
