"""What a playbook wants looked at before it acts: each question is put to the read tools, and answered in words.

The answers are for the people who decide, on the timeline beside the proposal; nothing is concluded from them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.context import Context
from core.errors import NightshiftError
from core.plain_text import cut
from core.playbook import Playbook, Question
from core.series import MetricQuery
from core.template import template_of
from tools.read import changes
from tools.read.metrics import ask

QUESTIONS_MAX = 6
READINGS_MAX = 3
LINES_MAX = 3
LINE_CHARS_MAX = 160
LOG_BACK_S = 900.0
ANSWER_S_MAX = 10.0
NO_DATA = "There is no data."


@dataclass(frozen=True, slots=True)
class About:
    """What is asked about: a service in an environment, now, and when its trouble began."""

    service: str
    environment: str
    now: datetime
    first_alert: datetime


async def answers(ctx: Context, book: Playbook, about: About) -> list[dict[str, object]]:
    """The answers to a playbook's questions, in its order: playbook, ask, statement, source, outsider."""
    asked = book.diagnosis[:QUESTIONS_MAX]
    found = await asyncio.gather(*(_answer(ctx, question, about) for question in asked))
    return [
        {"playbook": book.id, "ask": question.ask, "statement": f"{question.ask} {said}", "source": source,
         "outsider": source == "log"}
        for question, (source, said) in zip(asked, found, strict=True)
    ]  # fmt: skip


async def _answer(ctx: Context, question: Question, about: About) -> tuple[str, str]:
    source = "metric" if question.metric else "log" if question.log_words else "changes"
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            if question.metric is not None:
                return source, await _metric(ctx, question.metric, about)
            if question.log_words:
                return source, await _log(ctx, question.log_words, about)
            return source, await _changes(ctx, question.changes_s, about)
    except NightshiftError as error:
        return source, f"Not known: {error.detail}"
    except TimeoutError:
        return source, f"Not known: no answer within {ANSWER_S_MAX:.0f} s."


async def _metric(ctx: Context, query: MetricQuery, about: About) -> str:
    matchers = {name: value.replace("{service}", about.service) for name, value in query.matchers.items()}
    readings = await ask(ctx.metrics, replace(query, matchers=matchers), about.now)
    if not readings:
        return NO_DATA
    shown = [f"{reading.value:g}{_where(reading.labels)}" for reading in readings[:READINGS_MAX]]
    more = len(readings) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _where(labels: Mapping[str, str]) -> str:
    return f" ({' '.join(f'{name}={value}' for name, value in sorted(labels.items()))})" if labels else ""


async def _log(ctx: Context, words: str, about: About) -> str:
    read = await ctx.logs.lines(about.service, about.now - timedelta(seconds=LOG_BACK_S), about.now)
    hits = [line for line in read.lines if words.lower() in line.lower()]
    if not hits:
        return f"No line says {words!r} in the last {LOG_BACK_S / 60:.0f} min." if read.lines else NO_DATA
    kinds = list({template_of(line): line for line in hits}.values())[-LINES_MAX:]
    return f"{len(hits)} lines, such as: " + " | ".join(cut(" ".join(line.split()), LINE_CHARS_MAX) for line in kinds)


async def _changes(ctx: Context, back_s: float, about: About) -> str:
    async with ctx.store.begin() as conn:
        since = about.now - timedelta(seconds=back_s)
        seen = await changes.read(conn, about.environment, (about.service,), since, about.now, about.first_alert)
    return "; ".join(e.statement for e in seen[:LINES_MAX]) or f"None was reported in the last {back_s / 60:.0f} min."
