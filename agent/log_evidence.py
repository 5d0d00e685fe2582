"""Facts from logs: kinds of lines that are new or burst, and which of them an outsider could have written."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from agent.trouble import Found, Trouble, clock
from core.errors import NightshiftError
from core.evidence import Evidence, EvidenceKind
from core.log_line import is_outsiders, own_words, time_of
from core.template import TemplateChange, changed_templates, error_lines
from tools.read.changes import relative_to
from tools.read.logs import LogSource

SERVICES_MAX = 4
TEMPLATES_MAX = 4
# A quoted text with its escapes, to the end of the line where the closing quote was cut off.
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*(?:"|$)', re.DOTALL)
# Values that differ from request to request would make a kind of their own of each line.
_VALUE = re.compile(r"(?<==)(?:/\S*|[^\s\"=]*\d[^\s\"=]*)")


async def find_log_changes(logs: LogSource, trouble: Trouble, found: Found) -> None:
    """Compare the lines before the boundary with those since, for the suspect and what it needs."""
    for service in trouble.services[:SERVICES_MAX]:
        try:
            before = await logs.lines(service, trouble.start, trouble.boundary)
            after = await logs.lines(service, trouble.boundary, trouble.end)
        except NightshiftError as error:
            found.unknowns.append(f"The log of {service} is not known. {error.detail}")
            continue
        if not after.lines:
            found.unknowns.append(f"The log of {service} is not known: {after.reason}.")
            continue
        if not before.lines:
            found.unknowns.append(
                f"{service} logged nothing before the trouble, so new and usual cannot be told apart."
            )
        elif before.cut:
            found.unknowns.append(f"The log of {service} before the trouble is incomplete: {before.reason}.")
        changes = await asyncio.to_thread(_changes, before.lines, after.lines, trouble)
        found.evidence += [_evidence(trouble, service, change) for change in changes]


def _changes(before: Sequence[str], after: Sequence[str], trouble: Trouble) -> list[TemplateChange]:
    originals = {_masked(line): line for line in reversed(after)}
    first = time_of(before[0]) if before else None
    past_from = max(first or trouble.start, trouble.start)
    changes = changed_templates(
        [_masked(line) for line in before],
        [_masked(line) for line in after],
        seconds_before=max((trouble.boundary - past_from).total_seconds(), trouble.step_s),
        seconds_after=max((trouble.end - trouble.boundary).total_seconds(), trouble.step_s),
    )
    changes = [replace(change, example=originals[change.example]) for change in changes]
    failing = {change.template for change in changes if error_lines([change.template])}
    if failing or not before:
        changes = [change for change in changes if change.template in failing]
    # Strangers last: whatever they send, it never crowds out what the service says itself.
    changes.sort(key=lambda c: (is_outsiders(c.example), c.template not in failing, not c.is_new, -c.after, c.template))
    return changes[:TEMPLATES_MAX]


def _masked(line: str) -> str:
    # Here and not only in the core: a quote that a stranger escaped must not end the quoted text.
    return _VALUE.sub("*", _QUOTED.sub('""', line))


def _evidence(trouble: Trouble, service: str, change: TemplateChange) -> Evidence:
    at: datetime = time_of(change.example) or trouble.started_at
    outsider = is_outsiders(change.example)
    kind = "new kind of log line" if change.is_new else f"log line far more often than its {change.before} before"
    note = " (anyone who calls it can cause this line)" if outsider else ""
    is_failure = bool(error_lines([change.template]))
    return Evidence(
        id="",
        kind=EvidenceKind.LOG_TEMPLATE,
        statement=(
            f"{kind} of {service}, {change.after} times since {clock(at)}, {relative_to(at, trouble.started_at)}"
            f"{note}: {own_words(change.example)}"
        ),
        source=f"log:{service}",
        service=service,
        at=at,
        strength=(1000.0 if is_failure and not outsider else 1.0) + min(change.after, 999),
        outsider=outsider,
    )
