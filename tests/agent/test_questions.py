"""A playbook's questions are answered before anybody is asked to decide, in words, and what is not known is said."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.context import Context
from agent.questions import QUESTIONS_MAX, About, answers
from core.errors import Unavailable
from core.playbook import ActionType, Playbook, Question
from core.playbook_form import read_playbook
from core.series import Aggregate, MetricQuery, QueryKind
from core.site import LogFile, Site
from ingest.playbook_file import shipped_playbooks
from store import changes
from store.bus import open_bus
from store.pool import open_store
from store.samples import SeriesIndex
from tools.read.logs import FileLogs
from tools.read.metrics import CollectorMetrics

NOW = datetime.now(UTC).replace(microsecond=0)
ABOUT = About("shop", "demo", NOW, NOW - timedelta(minutes=2))
DEPTH = MetricQuery(QueryKind.VALUE, "queue_depth", {"service": "{service}"}, by=("queue",))
BOOK = Playbook("scale-out", 1, "One more", ActionType.SCALE)


@pytest.fixture
async def ctx(database: Any, tmp_path: Path) -> AsyncIterator[Context]:
    """A shop with two queues, a log, and a release."""
    at = f"{(NOW - timedelta(seconds=30)).isoformat()[:-6]}Z"
    lines = [*(f"{at} ERROR no worker for job {n}" for n in range(5)), f"{at} INFO done"]
    (tmp_path / "shop-1.log").write_text("\n".join(lines) + "\n")
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        async with store.begin() as conn:
            rows = [("queue_depth", {"service": "shop", "queue": q}, v) for q, v in (("mail", 7.0), ("orders", 1250.0))]
            other = ("queue_depth", {"service": "other", "queue": "mail"}, 9.0)
            await SeriesIndex().insert(conn, NOW - timedelta(seconds=1), [*rows, other])
            deploy = {
                "source": "deployer", "external_id": "1", "kind": "deploy", "environment": "demo", "service": "shop",
                "version": "2.4.0", "previous_version": "2.3.0", "summary": "", "author": "",
                "at": NOW - timedelta(minutes=5),
            }  # fmt: skip
            await changes.insert(conn, deploy)
        site = Site(1, "demo", logs=(LogFile("shop", f"{tmp_path}/shop-*.log"),))
        yield Context(store, site, CollectorMetrics(store), FileLogs(site.logs))
    await bus.close()


async def said(ctx: Context, *questions: Question, about: About = ABOUT) -> list[str]:
    found = await answers(ctx, replace(BOOK, diagnosis=questions), about)
    assert [row["ask"] for row in found] == [question.ask for question in questions][:QUESTIONS_MAX]
    return [str(row["statement"]) for row in found]


async def test_each_kind_of_question_is_answered(ctx: Context) -> None:
    [depth, most, log, changed] = await said(
        ctx,
        Question("How long?", metric=DEPTH),
        Question("How long at most?", metric=replace(DEPTH, by=(), aggregate=Aggregate.MAX)),
        Question("Who is missing?", log_words="NO WORKER"),
        Question("What was deployed?", changes_s=3600),
    )
    assert depth == "How long? 7 (queue=mail), 1250 (queue=orders)"
    assert most == "How long at most? 1250"
    assert log.startswith("Who is missing? 5 lines, such as: ")
    assert "no worker for job" in log
    assert changed == "What was deployed? deploy shop 2.3.0 -> 2.4.0, 3 min before the first alert"


async def test_what_is_not_known_is_said(ctx: Context) -> None:
    nowhere = replace(ABOUT, service="nowhere")
    asked = (Question("How long?", metric=DEPTH), Question("Who?", log_words="x"), Question("What?", changes_s=60))
    assert await said(ctx, *asked, about=nowhere) == [
        "How long? There is no data.", "Who? There is no data.", "What? None was reported in the last 1 min.",
    ]  # fmt: skip
    assert await said(ctx, Question("Who?", log_words="deadlock")) == [
        "Who? No line says 'deadlock' in the last 15 min."
    ]


async def test_a_source_that_does_not_answer_costs_no_other(ctx: Context) -> None:
    class Away:
        async def series(self, *_: Any) -> Any:
            raise Unavailable("Prometheus does not answer.")

    away = replace(ctx, metrics=Away())
    assert await said(away, Question("How long?", metric=DEPTH), Question("What?", changes_s=60)) == [
        "How long? Not known: Prometheus does not answer.", "What? None was reported in the last 1 min.",
    ]  # fmt: skip


async def test_there_is_a_limit_to_what_is_asked(ctx: Context) -> None:
    assert len(await said(ctx, *[Question(f"{n}?", changes_s=60) for n in range(9)])) == QUESTIONS_MAX


async def test_lines_of_a_log_are_marked_as_an_outsiders(ctx: Context) -> None:
    found = await answers(ctx, replace(BOOK, diagnosis=(Question("Who?", log_words="worker"),)), ABOUT)
    assert [(row["source"], row["outsider"]) for row in found] == [("log", True)]


async def test_every_shipped_question_can_be_put(ctx: Context) -> None:
    for body in shipped_playbooks():
        book = read_playbook(body, 1)
        assert len(await answers(ctx, book, ABOUT)) == len(book.diagnosis) <= QUESTIONS_MAX
