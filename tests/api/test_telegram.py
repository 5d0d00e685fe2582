"""What people do in Telegram reaches the desk once, by who they are; with the real client library, polling."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from api.telegram import TelegramPolling
from store import one_time_codes
from store.one_time_codes import Purpose
from tests.api.telegram_room import APPROVER, GROUP, OUTSIDER, Room, open_room
from tests.fakes.faults import Fault
from tests.fakes.telegram_state import BOT, Person
from tests.fakes.telegram_tricks import (
    FOREIGN,
    FORGED,
    MISPLACED,
    Scene,
    press_on_old_message,
    replay_query,
    replay_update,
)
from tests.fakes.waiting import until


@pytest.fixture
async def room(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with open_room(database, tmp_path, monkeypatch) as opened:
        yield opened


async def test_no_trick_is_believed_and_the_honest_press_counts_once(room: Room) -> None:
    """Every trick of the table, then a press, its replays and a late double; one decision by one person."""
    card, other = await room.card(), await room.card()
    hand = room.telegram.hand
    scene = Scene(hand, APPROVER, OUTSIDER, card.shown, other.shown)
    tricks: Mapping[str, Any] = {**FOREIGN, **FORGED, **MISPLACED}
    async with room.listening():
        played = {name: play(scene) for name, play in tricks.items()}
        for name, query in played.items():
            await hand.answer_to(query, within_s=20)
            assert query.alert, name
        assert await room.state(card) == await room.state(other) == "pending"
        query = hand.press(APPROVER, card.shown, "approve")
        assert await hand.answer_to(query) == "Approved. It runs as soon as the last checks pass."
        assert not query.alert
        replay_update(scene)
        replay_query(scene, query)
        late = hand.press(APPROVER, card.shown, "approve")
        await hand.answer_to(late)
        assert late.alert
        await until(lambda: len(room.telegram.calls.refused("answerCallbackQuery")) == 2, 5, "both replays")
        old = press_on_old_message(Scene(hand, APPROVER, OUTSIDER, other.shown, card.shown))
        assert not (await hand.answer_to(old)).startswith("I do not know")
    votes = await room.ward.rows("SELECT DISTINCT person_id, approval_id FROM approval_votes")
    assert [row["person_id"] for row in votes] == [room.ward.people["first"].id] * 2
    assert (await room.state(card), await room.state(other)) == ("approved", "approved")
    assert len(played) >= 33


async def test_words_are_asked_for_and_taken_from_the_reply(room: Room) -> None:
    card = await room.card()
    hand = room.telegram.hand
    async with room.listening():
        assert await hand.answer_to(hand.press(APPROVER, card.shown, "reject")) == "Why is it rejected?"
        question = await hand.sees(GROUP, "early shift: Why is it rejected?")
        assert question.reply_to == card.shown.id
        [asked] = room.telegram.calls.accepted("sendMessage", text=question.text)
        assert '"force_reply": true' in asked.arguments["reply_markup"]
        assert '"selective": true' in asked.arguments["reply_markup"]
        hand.say(OUTSIDER, GROUP, "I do not like it", reply_to=question)
        await hand.sees(GROUP, "I do not know who you are")
        assert await room.state(card) == "pending"
        hand.say(APPROVER, GROUP, "it is under repair", reply_to=question)
        await hand.sees(GROUP, "Rejected. Nothing is done.")
    assert await room.state(card) == "rejected"
    [vote] = await room.ward.rows("SELECT reason FROM approval_votes")
    assert vote["reason"] == "it is under repair"


async def test_an_edit_shows_what_there_is_and_takes_lines(room: Room) -> None:
    card = await room.card()
    hand = room.telegram.hand
    async with room.listening():
        hand.press(APPROVER, card.shown, "edit")
        question = await hand.sees(GROUP, "times=1")
        hand.say(APPROVER, GROUP, "times=2\nonce is not enough", reply_to=question)
        await hand.sees(GROUP, "Edited.")
    assert await room.state(card) == "superseded"


async def test_a_press_is_answered_at_once_although_the_work_takes_long(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.telegram_hearing.SPIN_S", 0.2)
    card = await room.card()
    hand = room.telegram.hand
    async with room.listening():
        async with room.ward.store.begin() as conn:
            await conn.execute("SELECT 1 FROM approvals FOR UPDATE")
            query = hand.press(APPROVER, card.shown, "approve")
            assert await hand.answer_to(query) == ""
        await hand.sees(GROUP, "Approved.")


NOT_LINKED = {
    "en": "I do not know who you are",
    "zh-hans": "我不知道您是谁",
    "zh-hant": "我不知道您是誰",
    "de": "我不知道您是誰",  # not one of ours: the channel's
}


async def test_everybody_reads_their_own_language(room: Room) -> None:
    """The note on a button is in the language of who pressed, where we speak it, else in the channel's."""
    await room.channel(language="zh-Hant")
    card = await room.card()
    async with room.listening():
        for language, words in NOT_LINKED.items():
            guest = Person(303, "a guest", language=language)
            assert words in await room.telegram.hand.answer_to(room.telegram.hand.press(guest, card.shown, "approve"))
        commands = room.telegram.world.commands
        assert {one["description"] for one in commands[""]} > {"who is on call", "open incidents"}
        assert {one["description"] for one in commands["zh"]} > {"谁在值班", "未结事件"}
        assert {one["description"] for one in commands[f"{GROUP}:"]} > {"誰在值班", "未結事件"}


async def test_commands_are_heard_where_they_are_meant_for_us(room: Room) -> None:
    hand = room.telegram.hand
    await room.card()
    async with room.listening():
        hand.say(APPROVER, GROUP, "/oncall")
        await until(lambda: len(hand.messages(GROUP)) == 2, 5, "who is on call")
        hand.say(APPROVER, GROUP, f"/incidents@{BOT.username}")
        await hand.sees(GROUP, "svc-0")
        hand.say(OUTSIDER, GROUP, "/incidents")
        await hand.sees(GROUP, "I do not know who you are")
        said = len(hand.messages(GROUP))
        for text in ("/weather", "/oncall@another_bot", "/stopover", "nothing for a bot", "/ oncall"):
            hand.say(APPROVER, GROUP, text)
        hand.say(Person(7, "another bot", is_bot=True), GROUP, "/oncall")
        hand.say(APPROVER, GROUP, f"/ack@{BOT.username} 1")
        await hand.sees(GROUP, "#1 is yours")
        assert len(hand.messages(GROUP)) == said + 1
        hand.say(APPROVER, APPROVER.id, "/weather")
        await hand.sees(APPROVER.id, "I do not know this command")


async def test_an_account_becomes_a_person_by_a_code_in_a_private_chat(room: Room) -> None:
    hand = room.telegram.hand
    card = await room.card()
    code = one_time_codes.new_code(Purpose.LINK)
    async with room.ward.store.begin() as conn:
        second = {"id": room.ward.people["second"].id, "name": "second"}
        await one_time_codes.add(conn, second, Purpose.LINK, code, by="test")
    async with room.listening():
        hand.start(OUTSIDER)
        await hand.sees(OUTSIDER.id, "/incidents")
        hand.say(OUTSIDER, GROUP, f"/link {code}")
        await hand.sees(GROUP, "Not in a group")
        hand.start(OUTSIDER, code)
        await hand.sees(OUTSIDER.id, "This account is second now")
        assert not (await hand.answer_to(hand.press(OUTSIDER, card.shown, "approve"))).startswith("I do not know")
    assert await room.state(card) == "approved"


async def test_buttons_go_on_to_work_where_a_group_has_moved_to(room: Room) -> None:
    hand, old = room.telegram.hand, -77
    room.telegram.world.group(old, APPROVER, OUTSIDER)
    await room.channel(chat=str(old))
    new = hand.upgrade(old)
    card = await room.card(chat=old)
    await room.ward.house.voices.close()  # another process hears
    async with room.listening():
        hand.press(APPROVER, card.shown, "reject")
        question = await hand.sees(new.id, "Why is it rejected?")
        hand.say(APPROVER, new.id, "it is under repair", reply_to=question)
        await hand.sees(new.id, "Rejected. Nothing is done.")
        room.telegram.world.group(-1009, APPROVER)
        hand.say(APPROVER, -1009, "/incidents")
        await hand.sees(-1009, "This does not work in this chat")
    assert await room.state(card) == "rejected"


async def test_the_bot_of_the_site_is_heard_and_no_other(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that is described begins to be heard, one that is taken out is heard no more."""
    monkeypatch.setattr("api.telegram.LOOK_EVERY_S", 0.02)
    hand, server = room.telegram.hand, room.telegram.server
    await room.ward.furnish(channels=[])
    polling = asyncio.create_task(TelegramPolling(room.ward.house).run())
    hand.say(APPROVER, APPROVER.id, "/help")
    await room.channel()
    await hand.sees(APPROVER.id, "/incidents")
    await until(lambda: not server.updates.pending, 5, "the confirmation")
    await room.ward.furnish(channels=[])
    await asyncio.sleep(0.3)
    hand.say(APPROVER, APPROVER.id, "/help")
    await asyncio.sleep(0.3)
    assert server.updates.pending
    polling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await polling


async def test_hearing_goes_on_after_failures_and_what_came_meanwhile_counts(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.telegram_ear.PAUSE_S", 0.01)
    monkeypatch.setattr("api.telegram_ear.PAUSE_S_MAX", 0.05)
    card = await room.card()
    hand = room.telegram.hand
    for fault in (Fault.SERVER_ERROR, Fault.BAD_GATEWAY, Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.GARBAGE):
        room.telegram.faults.arm(fault, "getUpdates")
    room.telegram.server.updates.add("message", {"message_id": "no number", "what": "nobody can read this"})
    query = hand.press(APPROVER, card.shown, "acknowledge")
    async with room.listening():
        assert "is yours" in await hand.answer_to(query)
        await until(lambda: not room.telegram.server.updates.pending, 5, "the confirmation")
