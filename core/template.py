"""Log templates: what stays of a line when its changing parts are masked, and which templates are new."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# One pass, the order is the contract: longer shapes before the shapes they contain.
_CHANGING = re.compile(
    r"(?P<TIME>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|(?P<UUID>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<URL>\bhttps?://\S+)"
    r"|(?P<IP>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b)"
    r"|(?P<STR>\"(?:\\.|[^\"\\])*(?:\"|$))"
    r"|(?P<HEX>\b(?:0x[0-9a-f]{8,}|(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,})\b)"
    r"|(?P<NUM>\d+(?:\.\d+)*)"
)
LINE_CHARS_MAX = 2000


def template_of(line: str) -> str:
    """Mask times, ids, addresses, quoted strings and numbers. Quoted text is often an outsider's, so it never stays."""
    return _CHANGING.sub(lambda m: f"<{m.lastgroup}>", line[:LINE_CHARS_MAX]).strip()


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A template that is new, or that burst: how often before and after, per second, and one line of it."""

    template: str
    before: int
    after: int
    example: str
    is_new: bool


def changed_templates(
    before: Sequence[str],
    after: Sequence[str],
    *,
    seconds_before: float,
    seconds_after: float,
    burst: float = 5.0,
) -> list[TemplateChange]:
    """Templates that appear only after, or at `burst` times their former rate; the most frequent first."""
    past = Counter(template_of(line) for line in before)
    present: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for line in after:
        template = template_of(line)
        present[template] += 1
        examples.setdefault(template, line)
    changes = [
        TemplateChange(template, past[template], count, examples[template], past[template] == 0)
        for template, count in present.items()
        if past[template] == 0 or count / max(seconds_after, 1e-9) >= burst * past[template] / max(seconds_before, 1e-9)
    ]
    return sorted(changes, key=lambda change: (-change.after, change.template))


def error_lines(lines: Iterable[str]) -> list[str]:
    """The lines that say of themselves that something went wrong."""
    return [line for line in lines if _TROUBLE.search(line)]


_TROUBLE = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL|PANIC|Traceback|WARN(?:ING)?)\b"
    r"|Exception\b|[a-z]Error\b"
    r"|\b(?i:error|fatal|critical|panic):"
    # As a field of a structured line, with or without quotes.
    r"|\b(?i:level|lvl|severity)\"?[=:][ ]?\"?(?i:err|error|fatal|crit|critical|panic|warn|warning)\b"
)
