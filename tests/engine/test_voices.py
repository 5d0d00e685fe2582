"""People in chats: the page, findings, the card and its outcome, storms, and the question after it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.diagnosis import Cause
from engine import attending, learning
from engine.learning import HumanFix
from store import conversations, diagnoses, timeline
from tests.engine.chat_ward import FORUM, ROOM, ChatWard, open_chat_ward
from tests.fakes.telegram_state import Message

EVERY_BUTTON = [
    "Approve", "Reject…", "Ask", "Edit…", "Acknowledge", "Take over", "Silence 1 h", "Escalate", "STOP",
]  # fmt: skip


@pytest.fixture
async def chats(database: Any, tmp_path: Path) -> AsyncIterator[ChatWard]:
    async with open_chat_ward(database, tmp_path) as opened:
        yield opened


def labels(message: Message) -> list[str]:
    return [button["text"] for button in message.buttons()]


async def test_the_card_stands_in_the_thread_of_its_page_and_becomes_its_outcome(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    execution = (await ward.ask(service))["id"]
    await chats.talk()

    page, card = chats.telegram.hand.messages(FORUM)
    assert page.text.startswith("🔴 P1 #1 HighErrorRate on svc-0")
    assert page.thread == card.thread
    assert labels(card) == EVERY_BUTTON
    root, below = chats.in_slack()
    assert below.thread == root.ts
    assert "http(times=1, service=svc-0)" in str(below.blocks)

    await ward.decide(execution)
    await chats.talk()
    assert "first approved (test)" in card.text
    assert not card.keyboard
    await ward.clear(service)
    await chats.until(execution, "verified")
    assert "it helped; watched on · svc-0: all well" in card.text
    await chats.until(execution, "stable")
    assert card.text.startswith("🟢")
    assert "Learned: 1 of 1 (21-100 %)" in card.text
    assert len(chats.in_slack()) == len(chats.in_telegram()) == 2
    # Nothing is edited where nothing has changed.
    before = len(chats.telegram.calls.accepted("editMessageText"))
    async with ward.store.begin() as conn:
        await timeline.append(conn, (await ward.incident(service))["id"], "recall")
    assert "follow_incident" in await chats.talk()
    assert len(chats.telegram.calls.accepted("editMessageText")) == before


async def test_two_have_to_agree_and_a_no_ends_it(chats: ChatWard) -> None:
    ward = chats.ward
    one, two = await ward.add_service(), await ward.add_service()
    both, other = (await ward.ask(one, "hammer"))["id"], (await ward.ask(two))["id"]
    await chats.talk()
    await ward.decide(both)
    await chats.talk()
    [card] = chats.telegram.hand.messages(FORUM, "Hit it hard")
    assert "So far: 1/2: first" in card.text
    assert labels(card) == EVERY_BUTTON
    ward.clock.advance(1.0)
    await ward.decide(both, "second")
    await ward.decide(other, verdict="reject")
    await chats.talk()
    assert "Decided by: first approved (test)" in card.text
    assert "second approved (test)" in card.text
    [rejected] = chats.telegram.hand.messages(FORUM, "Poke the service")
    assert "State: rejected" in rejected.text
    assert "Decided by: first rejected (test): -" in rejected.text
    assert labels(rejected) == []


async def test_findings_follow_the_page_and_the_page_follows_the_incident(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    incident = await ward.incident(service)
    found = {"cause": Cause.BAD_RELEASE, "service": service, "summary": "1.4.2 came, then errors", "confirmed": True}
    async with ward.store.begin() as conn:
        similar = [{"incident": "#7", "action": "rollback", "result": "stable"}]
        counts = {"helped": 7, "tried": 8, "on_service": [7, 8]}
        recall = {"attempt": 1, "similar": similar, "helped": [{"playbook": "rollback", "counts": counts}]}
        await timeline.append(conn, incident["id"], "recall", body=recall)
        await diagnoses.put(conn, incident["id"], 1, found)
        await timeline.append(conn, incident["id"], "diagnosis", body=found)
    await chats.talk()
    page, finding = chats.telegram.hand.messages(FORUM)
    assert "Cause: a bad release of svc-0" in finding.text
    assert "Like: #7: rollback → stable" in finding.text
    assert "rollback: 7 of 8 (53-98 %)" in finding.text
    assert "Why: 1.4.2 came, then errors" in page.text

    async with ward.store.begin() as conn:
        await attending.acknowledge(conn, await ward.incident(service), "first")
    await chats.talk()
    assert page.text.startswith("🟡")
    assert "acknowledged by first" in page.text
    assert "Acknowledge" not in labels(page)
    [said] = chats.in_slack("acknowledged by first")
    assert said.thread is None

    async with ward.store.begin() as conn:
        site = await ward.house.site()
        await attending.resolve(conn, site.channels, await ward.incident(service), "first")
    await chats.talk()
    assert page.text.startswith("🟢")
    assert labels(page) == []
    [asked] = chats.telegram.hand.messages(FORUM, "what fixed it?")
    assert labels(asked) == ["What fixed it?"]
    async with ward.store.begin() as conn:
        fix = HumanFix(words="turned it off and on")
        await learning.tell_fix(conn, await ward.incident(service), fix, actor="person:first")
    await chats.talk()
    assert "Fixed by: turned it off and on" in asked.text
    assert labels(asked) == []
    assert len(chats.in_telegram()) == len(chats.in_slack()) == 3


async def test_a_thread_tells_which_incident_it_is_about(chats: ChatWard) -> None:
    service = await chats.ward.add_service()
    await chats.talk()
    incident_id = (await chats.ward.incident(service))["id"]
    [page] = chats.telegram.hand.messages(FORUM)
    [post] = chats.in_slack()
    async with chats.ward.store.begin() as conn:
        at = conversations.incident_at
        assert await at(conn, "tg", str(FORUM), thread=str(page.thread)) == incident_id
        assert await at(conn, "tg", str(FORUM), ref=str(page.id)) == incident_id
        assert await at(conn, "sl", ROOM, thread=post.ts) == incident_id
        assert await at(conn, "sl", ROOM, thread="1.2") is None
        assert await at(conn, "tg", str(FORUM)) is None


async def test_what_is_over_for_a_month_is_forgotten(chats: ChatWard) -> None:
    service = await chats.ward.add_service()
    await chats.talk()
    incident_id = (await chats.ward.incident(service))["id"]
    async with chats.ward.store.begin() as conn:
        assert await conversations.forget_old(conn) == 0
    await chats.ward.rows("UPDATE incidents SET state = 'resolved', resolved_at = store.now()")
    chats.ward.clock.advance(conversations.KEEP_S + 1)
    async with chats.ward.store.begin() as conn:
        assert await conversations.forget_old(conn) == 2
        assert await conversations.of_incident(conn, incident_id) == []


async def test_a_storm_is_one_message_that_is_edited(chats: ChatWard) -> None:
    ward = chats.ward
    await ward.furnish(limits={"storm_incidents_max": 2, "storm_window_s": 60})
    for _ in range(5):
        await ward.add_service()
        await chats.talk()
    [storm] = chats.in_telegram("Storm #1")
    assert "Storm #1: 4 incidents" in storm  # it is told when it begins, and when it has doubled
    ward.clock.advance(120.0)
    await chats.talk()
    [over] = chats.in_telegram("Storm #1")
    assert "Storm #1: 5 incidents" in over
    assert "over since" in over
    [post] = chats.in_slack("Storm #1")
    assert post.thread is None


async def test_news_is_a_message_of_its_own_and_the_page_knows_it_too(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    async with ward.store.begin() as conn:
        await attending.escalate(conn, await ward.incident(service), "first", reason="too much for one")
    await chats.talk()
    page, news = chats.telegram.hand.messages(FORUM)
    assert news.text.startswith("🔴 Needs a person")
    assert news.thread == page.thread
    assert "State: needs a person" in page.text
    assert labels(news) == []


async def test_a_chat_is_spoken_to_in_its_language(database: Any, tmp_path: Path) -> None:
    async with open_chat_ward(database, tmp_path, language="zh-Hant") as chats:
        service = await chats.ward.add_service()
        await chats.ward.ask(service)
        await chats.talk()
        page, card = chats.telegram.hand.messages(FORUM)
        assert "狀態：未處理，尚無人接手" in page.text
        assert labels(card)[:2] == ["核准", "拒絕…"]
        assert "http(times=1, service=svc-0)" in card.text


async def test_a_message_that_somebody_deleted_is_posted_again(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await ward.ask(service)
    await chats.talk()
    page, card = chats.telegram.hand.messages(FORUM)
    chats.telegram.hand.delete(card)
    async with ward.store.begin() as conn:
        await attending.acknowledge(conn, await ward.incident(service), "first")
    await chats.talk()
    [again] = chats.telegram.hand.messages(FORUM, "Approve?")
    assert again.id != card.id
    assert "acknowledged by first" in page.text
