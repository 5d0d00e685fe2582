"""A log rule of our own: how many lines of a service say something within a window, compared with a number.

Absence is the same question with `<`: fewer than 1 line within 2 h. Windows run on the time at which lines were
received, so that lines which come late, after a source was away, still count.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.canonical import canonical
from core.log_line import LogLevel, own_words
from core.pattern import Pattern, compile_pattern
from core.rule import Comparison, compares
from core.series import Group

MATCHED_CHARS_MAX = 2_000
WINDOW_S_MAX = 7 * 86_400.0


class CountReason(StrEnum):
    """Why a count is, or is not, a reading."""

    CERTAIN = "certain"
    COUNTED = "counted"
    NOT_WATCHED = "not_watched"
    WINDOW_NOT_COVERED = "window_not_covered"


@dataclass(frozen=True, slots=True)
class LogRule:
    """`name` fires while the number of lines of `service` in the last `window_s` compares true for `for_s` seconds.

    A line counts that contains every word of `contains` (in any case), has one of the `levels`, and a part that
    matches `pattern`; what is left out asks nothing.
    """

    name: str
    service: str
    contains: tuple[str, ...] = ()
    pattern: str = ""
    levels: tuple[LogLevel, ...] = ()
    comparison: Comparison = Comparison.AT_LEAST
    threshold: float = 1.0
    window_s: float = 300.0
    for_s: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def tally(self) -> str:
        """Names what is counted: rules that differ in anything else share one count."""
        what = [self.service, *sorted(word.lower() for word in self.contains)]
        return hashlib.sha256(canonical([what, self.pattern, sorted(self.levels)])).hexdigest()[:32]

    def holds(self, value: float) -> bool:
        """Is the comparison true of this count?"""
        return compares(self.comparison, value, self.threshold)

    def alert_labels(self, group: Group) -> dict[str, str]:
        """The labels of the alert: its service, the rule's own, then the name. A log rule has one group."""
        return {**dict(group), "service": self.service, **self.labels, "alertname": self.name}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many lines matched, and one of them as it may be shown."""

    lines: int
    example: str


def part_pattern(text: str) -> Pattern:
    """A pattern that matches a whole line where `text` matches a part of it, `^` and `$` its ends. Raises BadInput."""
    compile_pattern(text)  # alone first: its faults are named at the places that were written
    case, rest = ("(?i)", text[4:]) if text.startswith("(?i)") else ("", text)
    before = "" if rest.startswith("^") else ".*"
    ends = rest.endswith("$") and (len(rest) - len(rest[:-1].rstrip("\\")) - 1) % 2 == 0
    inner = rest.removeprefix("^")[: -1 if ends else None]
    return compile_pattern(f"{case}{before}(?:{inner}){'' if ends else '.*'}")


def count(rule: LogRule, lines: Iterable[tuple[str, str]]) -> Tally:
    """Count the lines (level and text) that a rule asks for. The pattern, asked last, sees at most 2,000 characters."""
    words = [word.lower() for word in rule.contains]
    pattern = part_pattern(rule.pattern) if rule.pattern else None
    found, example = 0, ""
    for level, text in lines:
        if rule.levels and level not in rule.levels:
            continue
        if words and not _has_all(text.lower(), words):
            continue
        if pattern and not pattern.matches(text[:MATCHED_CHARS_MAX]):
            continue
        example = example if found else own_words(text)
        found += 1
    return Tally(found, example)


def _has_all(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def reading(rule: LogRule, counted: int, *, covered_s: float, is_watched: bool) -> tuple[float | None, CountReason]:
    """What a count says: None where it is not known yet.

    Lines that were not read yet can only raise a count. So "more than" that holds, and "less than" that does not, are
    certain; everything else needs files that are watched now and were watched for the whole window.
    """
    rises = rule.comparison in (Comparison.ABOVE, Comparison.AT_LEAST)
    if rule.holds(counted) is rises:
        return float(counted), CountReason.CERTAIN
    if not is_watched:
        return None, CountReason.NOT_WATCHED
    if covered_s < rule.window_s:
        return None, CountReason.WINDOW_NOT_COVERED
    return float(counted), CountReason.COUNTED
