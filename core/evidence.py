"""Evidence: one observed fact, where it comes from, and whether an outsider could have written it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EvidenceKind(StrEnum):
    """What sort of fact it is; causes are concluded from kinds, never from text."""

    CHANGE = "change"
    METRIC_SHIFT = "metric_shift"
    LOG_TEMPLATE = "log_template"
    DEPENDENCY_DOWN = "dependency_down"
    TARGET_DOWN = "target_down"
    PAST_INCIDENT = "past_incident"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact with an id that the diagnosis and the model cite. `outsider` text never confirms a cause alone."""

    id: str
    kind: EvidenceKind
    statement: str
    source: str
    service: str = ""
    at: datetime | None = None
    strength: float = 0.0
    outsider: bool = False
