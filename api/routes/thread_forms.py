"""The shapes of conversations: threads, runs, rows, and what is sent to them."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.routes.page import Moment
from core.catalogue import Language

THREAD_ID, RUN_ID = "01990c2e-9b20-7c3a-9a51-0d8b8c0f2f13", "01990c2e-9b21-7c3a-9a51-0d8b8c0f2f14"
TITLE_CHARS_MAX = 200
INCIDENT_CHARS_MAX = 40
SENT_CHARS_MAX = 100_000
"""What is read at all; how much may be asked at once is less, and said in words."""

EXAMPLE: Any = {
    "id": THREAD_ID, "door": "api", "person": "night shift", "incident_id": None, "incident_number": None,
    "title": "what changed on checkout", "created_at": "2026-03-01T09:59:00Z", "last": 12, "is_busy": False,
}  # fmt: skip


class Thread(BaseModel):
    """A conversation."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})
    id: UUID
    door: Literal["api", "openai", "ag-ui", "telegram", "slack"]
    person: str | None = Field(description="Whose it is; null where a group talks.")
    incident_id: UUID | None
    incident_number: int | None
    title: str
    created_at: Moment
    last: int = Field(description="The number of its newest row.")
    is_busy: bool = Field(description="Something is asked that is not answered yet.")


class Run(BaseModel):
    """One message and its answer."""

    id: UUID
    state: Literal["queued", "running", "paused", "finished", "cancelled", "failed"]
    person: str
    text: str
    answer: str
    outcome: str = Field(description="How it ended, or why not well; empty until then.")
    approval_id: UUID | None = Field(description="What it asked a person to decide.")
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None


class ThreadDetail(Thread):
    """A conversation and its newest runs, newest first."""

    runs: list[Run]


class ThreadPage(BaseModel):
    """Conversations, newest first."""

    items: list[Thread]
    next: UUID | None


class NewThread(BaseModel):
    """What a conversation is about."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field("", max_length=TITLE_CHARS_MAX, examples=["what changed on checkout"])
    incident: str | None = Field(
        None, max_length=INCIDENT_CHARS_MAX, description="An incident's number or id. Every viewer can read along then."
    )


class Said(BaseModel):
    """A message."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=SENT_CHARS_MAX, examples=["what changed on checkout in the last hour?"])
    language: Language = Field(Language.EN, description="In which answers without a model are written.")


class Asked(BaseModel):
    """The message is stored and will be answered, whether somebody reads along or not."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "thread_id": THREAD_ID, "run_id": RUN_ID, "seq": 13, "state": "queued",
                "events": f"/api/v1/threads/{THREAD_ID}/events?after=12",
            }
        }
    )  # fmt: skip
    thread_id: UUID
    run_id: UUID
    seq: int = Field(description="The number of the message's row; what follows is told after it.")
    state: Literal["queued"]
    events: str = Field(description="Where to read along from the message on.")


class Cancelled(BaseModel):
    """What is not answered any more."""

    cancelled: bool = Field(description="Was there anything to cancel?")


class ThreadRow(BaseModel):
    """One row of a conversation. Numbers have no gaps."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "seq": 15, "at": "2026-03-01T09:59:01Z", "kind": "token", "run_id": RUN_ID, "body": {"text": "v42 "},
            }
        }
    )  # fmt: skip
    seq: int
    at: Moment
    kind: str
    run_id: UUID | None
    body: dict[str, Any]


class ThreadRowPage(BaseModel):
    """Rows that are there now, oldest first."""

    items: list[ThreadRow]
    next: int | None = Field(description="`after` of the next page; null at the end.")
