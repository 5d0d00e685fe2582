"""What the incident routes take and give."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.routes.page import Moment
from core.frequency import Habit
from core.incident import IncidentState

TEXT_CHARS_MAX = 4_000


AnyState = IncidentState | Literal["merged"]


class Incident(BaseModel):
    """One incident."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f11", "number": 1042, "state": "open", "priority": "P1",
                "environment": "production", "cluster": "-", "service": "checkout",
                "title": "HighErrorRate on checkout (+1 more kinds)", "signature": "v1|HighErrorRate|http|errors",
                "alert_count": 12, "firing_count": 12, "started_at": "2026-03-01T09:58:12Z",
                "opened_at": "2026-03-01T09:58:40Z", "acknowledged_at": None, "acknowledged_by": None,
                "mitigated_at": None, "resolved_at": None, "resolved_by": None, "reopened": 0, "timeline_seq": 9,
            }
        }
    )  # fmt: skip
    id: UUID
    number: int = Field(description="The short number that people use.")
    state: AnyState
    priority: str
    environment: str
    cluster: str
    service: str
    title: str
    signature: str = Field(description="What learning is keyed by.")
    alert_count: int
    firing_count: int
    started_at: Moment
    opened_at: Moment
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    mitigated_at: Moment | None
    resolved_at: Moment | None
    resolved_by: str | None
    reopened: int
    assignee: str | None = Field(None, description="The person who looks after it.")
    assigned_at: Moment | None = None
    merged_into: int | None = Field(None, description="The number of the incident that took its alerts.")
    split_from: int | None = Field(None, description="The number of the incident that its first alerts came from.")
    storm: int | None = Field(None, description="The number of the storm that it opened in; `GET /storms`.")
    timeline_seq: int = Field(description="The number of the newest timeline row.")


class AlertCount(BaseModel):
    """Alerts of one name, severity and service."""

    name: str
    alert_class: str = Field(validation_alias="class", serialization_alias="class")
    severity: str
    service: str
    alerts: int
    firing: int
    unknown: int = Field(description="How many of those that fire nobody repeats any more: not over, not known.")
    first_at: Moment


class AggregateOut(BaseModel):
    """Alerts of one resource that came together, told as one; each of them is still there."""

    id: UUID
    resource_id: str
    count: int
    began_at: Moment
    last_at: Moment


class FlapOut(BaseModel):
    """An alert that comes and goes too often; told again when it has settled."""

    name: str
    began_at: Moment


class DiagnosisOut(BaseModel):
    """The newest diagnosis."""

    attempt: int
    body: dict[str, Any]
    created_at: Moment


class ExecutionBrief(BaseModel):
    """An execution of this incident; `GET /executions/{id}` has all of it."""

    id: UUID
    state: str
    playbook_id: str
    action: str
    resource_id: str
    requester: str
    outcome: str | None
    created_at: Moment
    updated_at: Moment


class Told(BaseModel):
    """What somebody was told, or is about to be."""

    id: UUID
    kind: str
    channel: str
    state: str
    attempts: int
    last_error: str
    created_at: Moment
    sent_at: Moment | None


class FrequencyOut(BaseModel):
    """Incidents of the same signature up to the opening of this one, itself included."""

    hour: int
    day: int
    week: int
    month: int = Field(description="30 days.")
    habit: Habit
    words: str = Field(examples=["3rd time in 24 h, 5th in 30 days"])


class IncidentDetail(Incident):
    """One incident with everything around it."""

    unknown_count: int = Field(description="Open alerts that nobody repeats any more; part of `firing_count`.")
    frequency: FrequencyOut
    alerts: list[AlertCount]
    aggregates: list[AggregateOut]
    flapping: list[FlapOut]
    diagnosis: DiagnosisOut | None
    executions: list[ExecutionBrief]
    notifications: list[Told]


class Facets(BaseModel):
    """How many incidents there are, all filters left aside."""

    state: dict[str, int]
    priority: dict[str, int]
    service: dict[str, int]
    assignee: dict[str, int] = Field(description="The empty name is nobody.")


class IncidentPage(BaseModel):
    """Incidents, newest first."""

    items: list[Incident]
    next: int | None = Field(description="`before` of the next page; null at the end.")
    facets: Facets


class AlertOut(BaseModel):
    """One episode of an alert."""

    id: UUID
    name: str
    alert_class: str = Field(validation_alias="class", serialization_alias="class")
    severity: str
    status: str = Field(description="firing, resolved, or unknown: open, but not repeated in time.")
    service: str
    resource_id: str
    labels: dict[str, Any]
    fingerprint: str = Field(description="Prometheus' own fingerprint of the labels, as Alertmanager shows it.")
    annotations: dict[str, Any]
    generator_url: str
    starts_at: Moment
    ended_at: Moment | None
    received_at: Moment
    last_received_at: Moment
    occurrences: int
    source: str
    aggregate_id: UUID | None = Field(description="The aggregate that it is a child of.")


class AlertPage(BaseModel):
    """Alerts of an incident, newest first."""

    items: list[AlertOut]
    next: UUID | None


class Reasoned(BaseModel):
    """Why, for the timeline."""

    reason: str = Field("", max_length=TEXT_CHARS_MAX, examples=["looking at it"])


class Comment(BaseModel):
    """A text for the timeline."""

    text: str = Field(min_length=1, max_length=TEXT_CHARS_MAX, examples=["The provider has an outage since 09:50."])


class Written(BaseModel):
    """Where a comment stands."""

    seq: int


class Wanted(BaseModel):
    """A playbook that a person wants run on this incident."""

    playbook_id: str = Field(max_length=128, examples=["rollback-bad-release"])
    parameters: dict[str, str | int] = Field(
        default_factory=dict, max_length=20, examples=[{"service": "checkout", "to_version": "v41"}]
    )
    reason: str = Field("", max_length=TEXT_CHARS_MAX, examples=["errors began with the deploy"])


class Proposed(BaseModel):
    """The execution that a proposal became; it waits for approval."""

    execution_id: UUID
    state: str
    decision: dict[str, Any]
