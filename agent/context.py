"""What every node of the graph is handed: one frozen value, no globals."""

from dataclasses import dataclass, field

from core.site import Site
from knowledge.embedding import Embedder
from store.pool import Store
from tools.read.logs import LogSource
from tools.read.metrics import MetricsSource


@dataclass(frozen=True)
class ModelSettings:
    """An OpenAI-compatible endpoint. `timeout_s` bounds one call."""

    base_url: str
    api_key: str
    name: str
    timeout_s: float = 60.0


@dataclass(frozen=True)
class Budget:
    """The limits of one investigation; what happens at each is tested."""

    steps_max: int = 12
    tool_calls_max: int = 24
    tokens_max: int = 60_000
    seconds_max: float = 180.0
    answer_bytes_max: int = 8 * 1024


CHAT = Budget(steps_max=6, tool_calls_max=10, tokens_max=40_000, seconds_max=90.0, answer_bytes_max=4 * 1024)
"""A person waits for the answer, so a turn of a chat may take less than an investigation."""


@dataclass(frozen=True)
class Context:
    """Stores, tools, knowledge, model and budgets."""

    store: Store
    site: Site
    metrics: MetricsSource
    logs: LogSource
    embedder: Embedder | None = None
    model: ModelSettings | None = None
    budget: Budget = field(default_factory=Budget)
    chat_budget: Budget = CHAT
