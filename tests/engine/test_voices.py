"""People in chats: the page, findings, the card and its outcome, storms, and the question after it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.diagnosis import Cause
from core.execution import State
from engine import attending, incidents, learning
from engine.following import want_findings
from engine.learning import HumanFix
from engine.stopping import KILL, stop_actions, turn_kill
from store import conversations, diagnoses, jobs, timeline
from store import site as sites
from tests.engine.chat_ward import FORUM, ROOM, ChatWard, open_chat_ward
from tests.fakes.telegram_state import Message

EVERY_BUTTON = [
    "Approve", "Reject…", "Ask", "Edit…", "Acknowledge", "Take over", "Silence 1 h", "Escalate", "STOP",
]  # fmt: skip


@pytest.fixture
async def chats(database: Any, tmp_path: Path) -> AsyncIterator[ChatWard]:
    async with open_chat_ward(database, tmp_path) as opened:
        yield opened


def bad_release(service: str, *, confirmed: bool) -> dict[str, Any]:
    summary = "1.4.2 came, then errors"
    return {"cause": Cause.BAD_RELEASE, "service": service, "summary": summary, "confirmed": confirmed}


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
    assert "State: it helped; watched on" in card.text
    assert "Verdict: svc-0: all well" in card.text
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


async def test_a_card_that_waits_says_whether_stop_is_on(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    await ward.ask(service)
    await chats.talk()
    _, card = chats.telegram.hand.messages(FORUM)
    for is_on in (True, False):
        async with ward.store.begin() as conn:
            await turn_kill(conn, is_on, by="person:first", reason="to look at it")
        await chats.talk()
        assert ("STOP is on: nothing starts before an operator lifts it" in card.text) is is_on
        assert labels(card) == EVERY_BUTTON


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


async def test_a_card_stands_below_what_was_found(chats: ChatWard) -> None:
    """Although its own message is asked for first: who is on call reads down, and the buttons come last."""
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    incident = await ward.incident(service)
    found = bad_release(service, confirmed=False)
    async with ward.store.begin() as conn:
        await diagnoses.put(conn, incident["id"], 1, found)
    await ward.ask(service)
    await incidents.tell_approvals(ward.house, incident["id"])
    async with ward.store.begin() as conn:  # something that happened before the card was told, and is told after it
        await want_findings(conn, (await ward.house.site()).channels, incident["id"])
    await chats.talk()
    _, finding, card = chats.telegram.hand.messages(FORUM)
    assert f"Cause: a bad release of {service} (not confirmed)" in finding.text
    assert "Approve?" in card.text


async def test_a_page_says_what_the_alerts_say_without_their_secrets(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    incident = await ward.incident(service)
    said = "42 % of the requests fail,\nsince token=s3cr3t-and-long is refused " + "x" * 400
    async with ward.store.begin() as conn:
        await conn.execute(
            "UPDATE alerts SET annotations = jsonb_build_object('summary', %s::text) WHERE incident_id = %s",
            [said, incident["id"]],
        )
    await chats.talk()
    [page] = chats.telegram.hand.messages(FORUM)
    [line] = [line for line in page.text.splitlines() if "42 %" in line]
    assert line.startswith(f"• 1 × HighErrorRate · {service}: 42 % of the requests fail, since token=<SECRET:1>")
    assert "s3cr3t" not in page.text
    assert len(line) < 240


async def test_who_is_called_is_told_by_whom_and_why(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    async with ward.store.begin() as conn:
        await attending.escalate(conn, await ward.incident(service), "first", reason="too much for one")
    await chats.talk()
    other = await ward.add_service()
    await chats.talk()
    incident = await ward.incident(other)
    async with ward.store.begin() as conn:
        await timeline.append(conn, incident["id"], "incident.escalated", reason="only_a_human")
        await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind="escalated:1")
    await chats.talk()
    by_person, by_itself = [one.text for one in chats.telegram.hand.messages(FORUM) if "Needs a person" in one.text]
    assert "Called by: first\nReason: too much for one" in by_person
    assert "Reason: no action fits this trouble" in by_itself
    assert "State: needs a person" not in by_person
    loud = [call.arguments["text"] for call in chats.slack.calls.accepted("chat.postMessage")
            if call.arguments.get("reply_broadcast")]  # fmt: skip
    assert len([text for text in loud if "Needs a person" in text]) == 2


async def test_a_neighbour_that_alarms_after_an_action_is_named_with_the_way_back(chats: ChatWard) -> None:
    ward = chats.ward
    incident = await ward.incident(await ward.add_service())
    await chats.talk()
    async with ward.store.begin() as conn:
        await timeline.append(conn, incident["id"], "verdict", body={"alarmed": "pricing"})
        await timeline.append(conn, incident["id"], "rollback.proposed", body={"undo": "deploy the newer release"})
        await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind="cascade:1")
    await chats.talk()
    [news] = [one.text for one in chats.telegram.hand.messages(FORUM) if "neighbour alarms" in one.text]
    assert "Neighbour: pricing" in news
    assert "Way back: deploy the newer release" in news


async def test_what_policy_refused_is_said_to_who_is_called(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    async with ward.store.begin() as conn:
        await sites.set_switch(conn, KILL, True, by="person:first", reason="a drill")
    assert (await ward.ask(service))["state"] == State.DENIED
    incident = await ward.incident(service)
    async with ward.store.begin() as conn:
        await timeline.append(conn, incident["id"], "incident.escalated", reason=State.DENIED)
        await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind="escalated:1")
    await chats.talk()
    [news] = [one.text for one in chats.telegram.hand.messages(FORUM) if "Needs a person" in one.text]
    assert "Reason: poke: refused (kill_switch: the kill switch is on)" in news


async def test_findings_follow_the_page_and_the_page_follows_the_incident(chats: ChatWard) -> None:
    ward = chats.ward
    service = await ward.add_service()
    await chats.talk()
    incident = await ward.incident(service)
    found = bad_release(service, confirmed=True)
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


async def test_who_stops_everything_in_one_chat_is_heard_in_the_others(chats: ChatWard) -> None:
    site = await chats.ward.house.site()
    async with chats.ward.store.begin() as conn:
        assert await stop_actions(conn, site, chats.ward.people["first"], reason="wrong host", told_in="tg")
        assert not await stop_actions(conn, site, chats.ward.people["first"])
    await chats.talk()
    assert chats.in_telegram() == []
    [told] = chats.in_slack()
    assert "no action starts any more" in str(told.blocks)
    assert all(word in str(told.blocks) for word in ("first", "wrong host", "nightshift kill off"))
