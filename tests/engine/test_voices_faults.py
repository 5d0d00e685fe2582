"""What goes wrong on the way to a chat loses nothing, doubles at most once, and is nothing to the other chat."""

import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import telling, voicing
from tests.engine.chat_ward import FORUM, ChatWard, open_chat_ward
from tests.fakes.faults import DONE_BUT_UNTOLD, Fault
from tools.notify import slack_calls, telegram

TIMES = 10 if os.environ.get("NIGHTSHIFT_CHAOS") == "full" else 1
KINDS = [kind for kind in Fault if kind is not Fault.SLOW]
FIRST = {"tg": ("sendMessage",), "sl": ("chat.postMessage",)}
TIMEOUT_S = 1.0


@pytest.fixture
async def chats(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatWard]:
    monkeypatch.setattr(telegram, "open_voice", partial(telegram.open_voice, timeout_s=TIMEOUT_S))
    monkeypatch.setattr(slack_calls, "TIMEOUT_S", TIMEOUT_S)
    async with open_chat_ward(database, tmp_path) as opened:
        yield opened


def pages(chats: ChatWard, service: str) -> tuple[int, int]:
    """How often the page of a service was taken by each platform, whether we were told or not."""
    words = f"on {service}\n"
    in_telegram = [call for call in chats.telegram.calls.accepted("sendMessage") if words in call.arguments["text"]]
    in_slack = [call for call in chats.slack.calls.accepted("chat.postMessage") if words in call.arguments["text"]]
    return len(in_telegram), len(in_slack)


async def test_a_page_survives_whatever_a_platform_does_to_it(chats: ChatWard) -> None:
    for kind in KINDS * TIMES:
        chats.telegram.faults.arm(kind, *FIRST["tg"])
        chats.slack.faults.arm(kind, *FIRST["sl"])
        service = await chats.ward.add_service()
        most = 2 if kind in DONE_BUT_UNTOLD else 1
        for _ in range(4):
            await chats.talk()
            chats.ward.clock.advance(10.0)
        assert all(1 <= count <= most for count in pages(chats, service)), (kind, pages(chats, service))
    left = await chats.ward.rows("SELECT subject, state, last_error FROM notifications WHERE state <> 'sent'")
    assert left == []
    [threads] = await chats.ward.rows("SELECT count(*) AS n FROM conversations")
    assert threads["n"] == 2 * len(KINDS) * TIMES


async def test_a_chat_that_asks_to_wait_is_left_alone_and_the_other_one_is_not_late(chats: ChatWard) -> None:
    chats.telegram.faults.arm(Fault.RATE_LIMITED, for_s=30.0)
    service = await chats.ward.add_service()
    await chats.talk()
    assert pages(chats, service) == (0, 1)
    asked = len(chats.telegram.calls.entries)
    await chats.restart()  # the wait is in the tables, so the next process knows of it
    another = await chats.ward.add_service()
    await chats.talk()
    assert pages(chats, another) == (0, 1)
    assert len(chats.telegram.calls.entries) == asked  # nobody asks before the time is over
    chats.telegram.clock.skip(30.0)
    chats.ward.clock.advance(31.0)
    await chats.talk()
    assert pages(chats, service) == pages(chats, another) == (1, 1)
    assert chats.telegram.server.impatient == 0


async def test_a_bot_that_was_thrown_out_says_so_in_the_outbox_and_goes_on_when_it_is_back(chats: ChatWard) -> None:
    chats.telegram.faults.arm(Fault.FORBIDDEN, for_s=600.0)
    service = await chats.ward.add_service()
    await chats.talk()
    [failing] = await chats.ward.rows("SELECT channel, attempts, last_error FROM notifications WHERE state = 'pending'")
    assert (failing["channel"], failing["attempts"]) == ("tg", 1)
    assert "kicked" in failing["last_error"]
    chats.telegram.faults.clear()
    chats.ward.clock.advance(60.0)
    await chats.talk()
    assert pages(chats, service) == (1, 1)


async def test_a_process_that_dies_right_after_it_spoke_says_it_once_more_and_never_again(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    with ward.dying("thread_opened"):
        await chats.talk()
    await chats.restart()
    await chats.talk()
    assert sum(pages(chats, service)) == 3  # the one who died had told one of the two chats
    await ward.ask(service)
    with ward.dying("spoken"):
        await chats.talk()
    await chats.restart()
    await chats.talk()
    cards = [one for one in chats.telegram.hand.messages(FORUM, "Approve?") if one.keyboard]
    cards_in_slack = chats.in_slack("Approve?")
    assert len(cards) + len(cards_in_slack) == 3
    [doubled] = [posts for posts in (cards, cards_in_slack) if len(posts) == 2]
    assert doubled


async def test_a_chat_whose_job_is_lost_is_woken(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    incident = await ward.incident(service)
    await telling.page_incident(ward.house, str(incident["id"]), "page")
    await ward.rows("DELETE FROM procrastinate_jobs")
    await voicing.sweep_chats(ward.house)
    assert (await chats.talk(rounds=1)).count("speak") == 2
    assert pages(chats, service) == (1, 1)
    await ward.rows("DELETE FROM procrastinate_jobs")
    await voicing.sweep_chats(ward.house)
    assert await ward.rows("SELECT 1 FROM procrastinate_jobs WHERE task_name = 'speak'") == []
