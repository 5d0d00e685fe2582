"""What an investigation has spent of its budget, and how tokens are counted without ever fetching a vocabulary."""

import hashlib
import math
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from agent.context import Budget
from agent.model_failure import FailureKind, ModelFailure

VOCABULARY = "o200k_base"
VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
# tiktoken names a cached vocabulary after the SHA-1 of the address that it would otherwise fetch it from.
VOCABULARY_FILE = hashlib.sha1(
    b"https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken", usedforsecurity=False
).hexdigest()
BYTES_PER_TOKEN = 4
MARGIN = 1.2


@dataclass
class Meter:
    """Counts against a budget; each `spend` raises ModelFailure(budget) where its limit is passed."""

    budget: Budget
    clock: Callable[[], float] = time.monotonic
    steps: int = 0
    tool_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    loops: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def seconds_left(self) -> float:
        """How much time is left."""
        return self.budget.seconds_max - (self.clock() - self.started)

    def spend_step(self, prompt_tokens: int) -> None:
        """Begin a step whose prompt has about so many tokens."""
        if self.steps >= self.budget.steps_max:
            raise ModelFailure(FailureKind.BUDGET, f"all {self.budget.steps_max} steps are spent.")
        if self.seconds_left <= 0:
            raise self.out_of_time()
        if self.tokens_in + self.tokens_out + prompt_tokens > self.budget.tokens_max:
            raise ModelFailure(FailureKind.BUDGET, f"the {self.budget.tokens_max} tokens are spent.")
        self.steps += 1

    def spend_tool_call(self) -> bool:
        """Take one tool call; False where none is left."""
        if self.tool_calls >= self.budget.tool_calls_max:
            return False
        self.tool_calls += 1
        return True

    def add_tokens(self, tokens_in: int, tokens_out: int) -> None:
        """Add what a reply cost."""
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out

    def out_of_time(self) -> ModelFailure:
        """The failure of a run that took too long."""
        return ModelFailure(FailureKind.BUDGET, f"the {self.budget.seconds_max:g} s are spent.")


def count_tokens(text: str) -> int:
    """How many tokens a text is: exact with a cached vocabulary, else a quarter of its bytes plus 20 %."""
    encode = _encoder()
    return encode(text) if encode else math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN * MARGIN)


@cache
def _encoder() -> Callable[[str], int] | None:
    """Only a cached vocabulary with the right digest is loaded, because tiktoken replaces any other by a download."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    path = (Path(folder) if folder else Path(tempfile.gettempdir()) / "data-gym-cache") / VOCABULARY_FILE
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != VOCABULARY_SHA256:
            return None
    except OSError:
        return None
    import tiktoken  # costs time to import, and only a cached vocabulary needs it

    encoding = tiktoken.get_encoding(VOCABULARY)
    return lambda text: len(encoding.encode_ordinary(text))
