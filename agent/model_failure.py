"""How a model can fail, in a fixed vocabulary that is stored, counted and shown."""

from enum import StrEnum


class FailureKind(StrEnum):
    """Why a model's investigation gave no result."""

    TIMEOUT = "timeout"
    RATE_LIMIT = "rate_limit"
    AUTH = "auth"
    BAD_OUTPUT = "bad_output"
    CONTEXT_TOO_LONG = "context_too_long"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    BUDGET = "budget"


class ModelFailure(Exception):
    """The model gave nothing usable; the rules' result stands. `retry_after_s` is None where waiting cannot help."""

    def __init__(self, kind: FailureKind, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{kind}: {sentence}")
        self.kind, self.sentence, self.retry_after_s = kind, sentence, retry_after_s
