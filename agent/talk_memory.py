"""What a chat remembers within a budget of tokens: the last messages whole, those before them in a line each."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.budget import count_tokens
from core.plain_text import cut

MESSAGES_TOKENS_MAX = 4_000
MESSAGE_CHARS_MAX = 6_000
SUMMARY_TOKENS_MAX = 600
LINE_CHARS_MAX = 160
MESSAGES_MAX = 400
PERSON = "person"

Said = tuple[str, str]
"""Who ('person' for people, anything else for us) and what."""


@dataclass(frozen=True)
class Remembered:
    """The newest messages, and the summary of those before them; empty where nothing was left out."""

    messages: tuple[Said, ...]
    summary: str


def remember(
    history: Sequence[Said],
    *,
    tokens_max: int = MESSAGES_TOKENS_MAX,
    summary_tokens_max: int = SUMMARY_TOKENS_MAX,
) -> Remembered:
    """Cut a history (oldest first) to its budgets, by fixed rules: the same history is always remembered alike."""
    said = [(who, cut(text, MESSAGE_CHARS_MAX)) for who, text in history[-MESSAGES_MAX:] if text.strip()]
    kept = _newest([text for _, text in said], tokens_max)
    older = said[: len(said) - kept]
    lines = [
        f"{'person' if who == PERSON else 'you'}: {cut(' '.join(text.split()), LINE_CHARS_MAX)}" for who, text in older
    ]
    told = _newest(lines, summary_tokens_max)
    left = len(lines) - told + max(0, len(history) - MESSAGES_MAX)
    shown = lines[len(lines) - told :]
    return Remembered(tuple(said[len(said) - kept :]), "\n".join(shown if not left else [f"({left} before)", *shown]))


def _newest(texts: Sequence[str], tokens_max: int) -> int:
    """How many of the last texts fit."""
    kept = 0
    for text in reversed(texts):
        tokens_max -= count_tokens(text)
        if tokens_max < 0:
            break
        kept += 1
    return kept
