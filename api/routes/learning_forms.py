"""What the learning routes give."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.routes.page import Moment

NUMBERS: dict[str, Any] = {
    "helped": 7, "tried": 8, "apart": 1, "rate": 0.875, "low": 0.529, "high": 0.978, "words": "7 of 8 (53-98 %)",
    "returned": 1, "avg_execution_time_s": 12.4,
}  # fmt: skip
SIGNATURE = "v1|HighErrorRate|http|errors"


class Counted(BaseModel):
    """Counts that are never shown as a bare percentage."""

    helped: int
    tried: int
    apart: int = Field(description="Outcomes that teach nothing, such as unknown ones.")
    rate: float | None = Field(description="Null where nothing was tried.")
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")
    words: str
    returned: int = Field(description="How often the trouble was back within 24 h of a success.")
    avg_execution_time_s: float | None = Field(description="How long it took where it helped.")


class Learned(Counted):
    """How often a playbook helped with one kind of trouble."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"playbook_id": "rollback-bad-release", "signature": SIGNATURE, **NUMBERS, "by_hand": 2}
        }
    )
    playbook_id: str
    signature: str
    by_hand: int = Field(description="How often a person says to have done it by hand; not part of the rate.")


class LearnedPage(BaseModel):
    """What was learned, by playbook and kind of trouble."""

    items: list[Learned]
    next: None = None


class Alternative(BaseModel):
    """What else helped often enough."""

    playbook_id: str
    action: str
    confidence: float
    expected: float
    based_on: int
    words: str


class Advice(BaseModel):
    """One playbook, its record, and up to two others."""

    action: str
    playbook_id: str
    confidence: float = Field(description="The cautious rate: 95 % of the belief about the true rate lies above it.")
    expected: float = Field(description="The stated rate here and now: older and farther outcomes weigh less.")
    tier: int
    based_on: int = Field(description="Outcomes in this kind of trouble.")
    avg_execution_time_s: float | None
    words: str
    alternatives: list[Alternative]


class Recommended(BaseModel):
    """What history recommends."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "signature": SIGNATURE, "environment": "production", "service": "cart", "basis": "hybrid",
                "reasons": ["helped 7 of 8 (53-98 %) on this service"], "disagreement": "",
                "recommendation": {
                    "action": "deploy_rollback", "playbook_id": "rollback-bad-release", "confidence": 0.57,
                    "expected": 0.8, "tier": 3, "based_on": 8, "avg_execution_time_s": 12.4,
                    "words": "7 of 8 (53-98 %) on this service", "alternatives": [],
                },
            }
        }
    )  # fmt: skip
    signature: str
    environment: str
    service: str = Field(description="Empty where a kind of trouble was asked about.")
    basis: str = Field(description="learned: history alone decides; hybrid: with the finding; default; none.")
    reasons: list[str] = Field(description="Why, and what is told apart from the rate: recurrences, repairs by hand.")
    disagreement: str = Field(description="What history says otherwise than today's evidence.")
    recommendation: Advice | None


class Shadow(BaseModel):
    """What would have been proposed (shadow mode, dry runs), beside what people did."""

    agreed: int
    compared: int
    open: int = Field(description="Nobody said, or in words only.")
    words: str


class ByHand(BaseModel):
    """What people say they did."""

    playbook_id: str | None
    words: str
    times: int


class Summary(Counted):
    """What is known of one kind of trouble."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "signature": SIGNATURE, "occurrences": 31, "last_at": "2026-03-01T09:59:00Z", "attempts": 8, **NUMBERS,
                "status": "learning", "best_action": "rollback-bad-release", "went_away_alone": 2,
                "actions": [{"playbook_id": "rollback-bad-release", "signature": SIGNATURE, **NUMBERS, "by_hand": 1}],
                "by_hand": [{"playbook_id": "rollback-bad-release", "words": "", "times": 1}],
                "shadow": {"agreed": 7, "compared": 9, "open": 1, "words": "would have agreed 7 of 9 (1 not told)"},
            }
        }
    )  # fmt: skip
    signature: str
    occurrences: int
    last_at: Moment
    attempts: int = Field(description="Outcomes that count; the same as tried.")
    status: str = Field(description="insufficient (< 3 attempts), learning (< 10), excellent (8 of 10), sufficient.")
    actions: list[Learned]
    best_action: str | None = Field(description="The best cautious rate of those with at least 3 tries.")
    by_hand: list[ByHand]
    went_away_alone: int = Field(description="How often a person says that nobody did anything.")
    shadow: Shadow


class SummaryPage(BaseModel):
    """What is known, the most frequent trouble first."""

    items: list[Summary]
    shadow: Shadow = Field(description="Of all kinds of trouble.")
    next: None = None
