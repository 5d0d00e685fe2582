"""A track record in words: n of N with its interval, and what is told apart from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.catalogue import Language, say
from core.phrases_cards import PHRASES
from core.rates import wilson


def record_words(counts: Mapping[str, Any], language: Language) -> str:
    """`7 of 8 (53-98 %)`, and what was seen on this very service; never a bare percentage."""
    helped, tried = int(counts.get("helped", 0)), int(counts.get("tried", 0))
    if not tried:
        return say(PHRASES, "record.never", language)
    here = counts.get("on_service")
    said = _counts(helped, tried, language)
    if here is None or int(here[1]) == tried:
        return said
    own = say(PHRASES, "record.here", language, counts=_counts(here[0], here[1], language))
    return f"{said}; {own if here[1] else say(PHRASES, 'record.here_never', language)}"


def record_notes(counts: Mapping[str, Any], language: Language) -> list[str]:
    """What is told apart, one line each."""
    said = [
        say(PHRASES, f"record.{name}", language, count=counts[name], helped=counts.get("helped", 0))
        for name in ("returned", "by_hand", "apart")
        if counts.get(name)
    ]
    for name in ("similar", "elsewhere"):
        pair: Sequence[int] = counts.get(name) or (0, 0)
        if pair[1]:
            said.append(say(PHRASES, f"record.{name}", language, counts=_counts(pair[0], pair[1], language)))
    return said


def _counts(helped: int, tried: int, language: Language) -> str:
    low, high = wilson(helped, tried)
    values = {"helped": helped, "tried": tried, "low": f"{low * 100:.0f}", "high": f"{high * 100:.0f}"}
    return say(PHRASES, "record.counts", language, **values)
