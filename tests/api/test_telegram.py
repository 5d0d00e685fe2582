"""What people do in Telegram reaches the desk once, by who they are; with the real client library, polling."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from api.telegram import TelegramPolling
from api.telegram_crowd import PER_ACCOUNT_MAX, STRANGERS_MAX
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
        await hand.sees(GROUP, "#1 is acknowledged")
        assert len(hand.messages(GROUP)) == said + 1
        hand.say(APPROVER, APPROVER.id, "/weather")
        await hand.sees(APPROVER.id, "I do not know this command")


async def test_an_account_becomes_a_person_by_a_code_in_a_private_chat(room: Room) -> None:
    hand = room.telegram.hand
    card = await room.card()
    seen, code = one_time_codes.new_code(Purpose.LINK), one_time_codes.new_code(Purpose.LINK)
    second = {"id": room.ward.people["second"].id, "name": "second"}
    async with room.ward.store.begin() as conn:
        await one_time_codes.add(conn, second, Purpose.LINK, seen, by="test")
    async with room.listening():
        hand.start(OUTSIDER)
        await hand.sees(OUTSIDER.id, "/incidents")
        hand.say(OUTSIDER, GROUP, f"/link {seen}")
        await hand.sees(GROUP, "Not in a group")
        hand.start(OUTSIDER, seen)
        await hand.sees(OUTSIDER.id, "This code is no good")
        async with room.ward.store.begin() as conn:
            await one_time_codes.add(conn, second, Purpose.LINK, code, by="test")
        hand.start(OUTSIDER, code)
        await hand.sees(OUTSIDER.id, "This account is second now")
        assert not (await hand.answer_to(hand.press(OUTSIDER, card.shown, "approve"))).startswith("I do not know")
    assert await room.state(card) == "approved"


async def test_a_question_is_answered_by_who_was_asked(room: Room) -> None:
    """What others say below it is talk, although they might have pressed the button as well."""
    card, hand = await room.card(), room.telegram.hand
    await room.link(OUTSIDER, "second")
    async with room.listening():
        hand.press(APPROVER, card.shown, "reject")
        question = await hand.sees(GROUP, "early shift: Why is it rejected?")
        hand.say(OUTSIDER, GROUP, "wait, do not reject it yet", reply_to=question)
        await until(lambda: bool(room.telegram.calls.accepted("sendChatAction")), 5, "the bot at work on an answer")
        assert await room.state(card) == "pending"
        hand.say(APPROVER, GROUP, "it is under repair", reply_to=question)
        await hand.sees(GROUP, "Rejected. Nothing is done.")
    [vote] = await room.ward.rows("SELECT reason, person_id FROM approval_votes")
    assert (vote["reason"], vote["person_id"]) == ("it is under repair", room.ward.people["first"].id)


async def test_who_answers_before_it_is_kept_what_the_question_is_about_is_understood(room: Room) -> None:
    card, hand = await room.card(), room.telegram.hand
    async with room.listening():
        async with room.ward.store.begin() as conn:
            await conn.execute("SELECT 1 FROM tickets FOR UPDATE")
            hand.press(APPROVER, card.shown, "reject")
            question = await hand.sees(GROUP, "early shift: Why is it rejected?")
            hand.say(APPROVER, GROUP, "it is under repair", reply_to=question)
            await asyncio.sleep(0.5)
            assert not hand.messages(GROUP, "Rejected.")
        await hand.sees(GROUP, "Rejected. Nothing is done.")


async def test_words_of_somebody_else_are_no_command_of_who_passes_them_on(room: Room) -> None:
    hand, updates = room.telegram.hand, room.telegram.server.updates
    async with room.listening():
        for foreign in (
            {"forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "a thief"}},
            {"via_bot": {"id": 77, "is_bot": True, "first_name": "pictures"}},
            {"sender_chat": {"id": GROUP, "type": "supergroup", "title": "anonymous"}},
        ):
            said = hand.say(APPROVER, APPROVER.id, "/stop at once")
            assert said is not None
            updates.pending.pop()
            updates.add("message", {**said["message"], **foreign, "message_id": said["message"]["message_id"] + 500})
        hand.say(APPROVER, APPROVER.id, "/oncall")
        await hand.sees(APPROVER.id, "rota")
    assert await room.ward.rows("SELECT 1 FROM switches WHERE is_on") == []
    assert len(hand.messages(APPROVER.id)) == 1


async def test_nobody_waits_for_an_answer_that_telegram_will_not_take_yet(room: Room) -> None:
    card, hand = await room.card(), room.telegram.hand
    room.telegram.faults.arm(Fault.RATE_LIMITED, "sendMessage", place=OUTSIDER.id, seconds=12.0, times=99)
    async with room.listening():
        for _ in range(3):
            hand.say(OUTSIDER, OUTSIDER.id, "/incidents")
        await until(lambda: bool(room.telegram.calls.refused("sendMessage")), 5, "the first refusal")
        assert "Approved" in await hand.answer_to(hand.press(APPROVER, card.shown, "approve"), within_s=3.0)


async def test_an_answer_waits_as_often_as_telegram_wants(room: Room) -> None:
    room.telegram.faults.arm(Fault.RATE_LIMITED, "sendMessage", place=APPROVER.id, times=3)
    async with room.listening():
        room.telegram.hand.say(APPROVER, APPROVER.id, "/oncall")
        await room.telegram.hand.sees(APPROVER.id, "rota", within_s=10)


async def test_who_writes_on_and_on_is_heard_for_a_while(room: Room) -> None:
    """Neither one stranger nor many use up what the bot may say, or fill the tables; STOP is always heard."""
    hand = room.telegram.hand
    crowd = [Person(1000 + number, f"a guest {number}") for number in range(PER_ACCOUNT_MAX + STRANGERS_MAX)]
    async with room.listening():
        for _ in range(PER_ACCOUNT_MAX + 10):
            hand.say(OUTSIDER, OUTSIDER.id, "/incidents")
            hand.say(APPROVER, APPROVER.id, "/oncall")
        for guest in crowd:
            room.telegram.world.private(guest)
            hand.say(guest, guest.id, "/help")
        hand.say(APPROVER, APPROVER.id, "/stop it burns")
        await hand.sees(APPROVER.id, "no action starts", within_s=20)
        await until(lambda: not room.telegram.server.updates.pending, 10, "the end")
    answered = sum(len(hand.messages(who.id)) for who in (OUTSIDER, *crowd))
    assert 0 < answered <= STRANGERS_MAX
    assert len(hand.messages(APPROVER.id, "rota")) == PER_ACCOUNT_MAX
    assert len(await room.ward.rows("SELECT 1 FROM heard_updates")) == 2 * PER_ACCOUNT_MAX + 1


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
        assert "is acknowledged" in await hand.answer_to(query)
        await until(lambda: not room.telegram.server.updates.pending, 5, "the confirmation")
