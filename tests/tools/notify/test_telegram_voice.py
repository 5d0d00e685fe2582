"""Telegram's voice with the real client library against the strict fake: threads, edits, files, streams, failures."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from core.errors import NightshiftError, Unavailable
from core.message import Button, Message, Tone
from core.site import Channel
from tests.fakes.faults import Fault
from tests.fakes.flood import Rate
from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.fakes.telegram_rules import TelegramLimits
from tests.fakes.telegram_state import TOKEN, Person, Standing
from tests.fakes.waiting import until
from tools.notify import telegram_stream
from tools.notify.telegram import TelegramVoice, open_voice
from tools.notify.voice import Gone, Place, Undeliverable, Wait

ANY_SPEED = TelegramLimits(per_chat=Rate(1000, 1.0), per_group=Rate(1000, 60.0), overall=Rate(1000, 1.0))
EARLY = Person(101, "early shift", "early")
FORUM, GROUP = -1001, -55
PAGE = Message("checkout is down", Tone.BAD, buttons=[[Button("Take it", "acknowledge", "0123456789ab")]])


def channel(telegram: FakeTelegram, chat: int = FORUM) -> Channel:
    return Channel("chat", "telegram", url=telegram.url, token_env="TELEGRAM_TOKEN", chat=str(chat))


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram(ANY_SPEED) as fake:
        fake.world.private(EARLY)
        fake.world.group(FORUM, EARLY, forum=True)
        fake.world.group(GROUP, EARLY)
        yield fake


@pytest.fixture
async def voice(telegram: FakeTelegram) -> AsyncIterator[TelegramVoice]:
    voice = open_voice(channel(telegram), {"TELEGRAM_TOKEN": TOKEN}, timeout_s=0.5)
    yield voice
    await voice.close()


async def test_an_incident_has_a_topic_in_a_forum(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    place = await voice.open_thread(str(FORUM), "#7 checkout is down", PAGE)
    assert [topic.name for topic in telegram.world.chats[FORUM].topics.values()] == ["#7 checkout is down"]
    ref = await voice.post(place, Message("finding"))
    page, finding = telegram.hand.messages(FORUM)
    assert (str(page.id), str(finding.id)) == (place.root, ref)
    assert {str(page.thread), str(finding.thread)} == {place.thread}
    await voice.edit(place, place.root, Message("checkout is well", Tone.GOOD))
    await voice.edit(place, place.root, Message("checkout is well", Tone.GOOD))  # shows it already
    assert (page.text, page.keyboard) == ("🟢 checkout is well", [])


async def test_it_has_a_thread_of_replies_elsewhere(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    telegram.world.group(-1002, EARLY)
    for chat in (GROUP, EARLY.id, -1002):
        place = await voice.open_thread(str(chat), "#7", PAGE)
        assert place.thread == ""
        await voice.post(place, Message("finding"))
        page, finding = telegram.hand.messages(chat)
        assert finding.reply_to == page.id
    assert len(telegram.calls.refused("createForumTopic")) == 1  # a private chat and a plain group have none


async def test_without_the_right_to_make_topics_replies_do(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    telegram.world.chats[FORUM].may_make_topics = False
    assert (await voice.open_thread(str(FORUM), "#7", PAGE)).thread == ""


async def test_what_a_failed_try_has_done_is_not_done_again(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    telegram.faults.arm(Fault.SERVER_ERROR, "sendMessage")
    with pytest.raises(Unavailable):
        await voice.open_thread(str(FORUM), "#7", PAGE)
    place = await voice.open_thread(str(FORUM), "#7", PAGE)
    assert list(telegram.world.chats[FORUM].topics) == [int(place.thread)]
    telegram.faults.arm(Fault.SERVER_ERROR, "sendDocument")
    report = Message("done", more="line\n", more_name="run.log")
    with pytest.raises(Unavailable):
        await voice.post(place, report)
    await voice.post(place, report)
    assert [(one.text, one.content) for one in telegram.hand.messages(FORUM)[1:]] == [("done", b""), ("", b"line\n")]
    await voice.edit(place, place.root, report)
    await voice.edit(place, place.root, report)
    assert [one.content for one in telegram.hand.messages(FORUM)[3:]] == [b"line\n"]  # once below the edited one


FAULTS: dict[Fault, type[NightshiftError]] = {
    Fault.SERVER_ERROR: Unavailable,
    Fault.BAD_GATEWAY: Unavailable,
    Fault.UNAVAILABLE: Unavailable,
    Fault.GARBAGE: Unavailable,
    Fault.HANG: Unavailable,
    Fault.CUT_BEFORE: Unavailable,
    Fault.CUT_AFTER: Unavailable,
    Fault.HALF_ANSWER: Unavailable,
    Fault.UNAUTHORIZED: Undeliverable,
    Fault.FORBIDDEN: Undeliverable,
    Fault.RATE_LIMITED: Wait,
}


async def test_each_fault_is_one_of_the_voices_errors(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    for fault, error in FAULTS.items():
        telegram.faults.arm(fault, "sendMessage")
        with pytest.raises(NightshiftError) as told:
            await voice.post(Place(str(GROUP)), PAGE)
        assert type(told.value) is error, fault
        shown = "".join(traceback.format_exception(told.value))
        assert TOKEN not in told.value.detail + shown, fault


async def test_everything_there_waits_as_long_as_telegram_says(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    telegram.faults.arm(Fault.RATE_LIMITED, "sendMessage", seconds=30)
    with pytest.raises(Wait) as told:
        await voice.post(Place(str(GROUP)), PAGE)
    assert told.value.seconds == 30
    calls = len(telegram.calls.entries)
    with pytest.raises(Wait) as told:
        await voice.edit(Place(str(GROUP)), "1", PAGE)
    assert 29 < told.value.seconds <= 30
    assert len(telegram.calls.entries) == calls  # not even asked
    await voice.post(Place(str(FORUM)), PAGE)  # another chat need not wait


async def test_a_lost_place_or_message_is_gone(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    place = await voice.open_thread(str(FORUM), "#7", PAGE)
    telegram.hand.delete(telegram.hand.messages(FORUM)[0])
    with pytest.raises(Gone):
        await voice.edit(place, place.root, Message("x"))
    telegram.world.chats[FORUM].topics.clear()
    with pytest.raises(Gone):
        await voice.post(place, Message("x"))


async def test_a_group_is_followed_where_it_moves(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    """A group that gets topics gets another id; what is written to the old one arrives, and can be edited there."""
    place = await voice.open_thread(str(GROUP), "#7", PAGE)
    new = telegram.hand.upgrade(GROUP)
    ref = await voice.post(place, Message("a finding"))
    await voice.edit(place, ref, Message("a better finding"))
    assert [one.text for one in telegram.hand.messages(new.id)] == ["a better finding"]
    with pytest.raises(Gone):  # it stayed behind, and another message has its number here
        await voice.edit(place, place.root, Message("well again"))
    new.forum = new.may_make_topics = True
    new.standing = Standing.ADMINISTRATOR
    assert (await voice.open_thread(str(GROUP), "#8", PAGE)).thread


async def test_what_was_asked_below_a_message_is_answered_below_it(
    telegram: FakeTelegram, voice: TelegramVoice
) -> None:
    root = await voice.post(Place(str(GROUP)), Message("here is the list"))
    await voice.post(Place(str(GROUP), root), Message("the answer"))
    assert telegram.hand.messages(GROUP, "the answer")[0].reply_to == int(root)


async def test_what_only_a_person_can_change_says_what(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    with pytest.raises(Undeliverable, match="check the chat's id"):
        await voice.post(Place("-404"), PAGE)
    telegram.world.chats[FORUM].standing = Standing.KICKED
    with pytest.raises(Undeliverable, match="add it to the chat again"):
        await voice.check()
    for token in ("", "no token"):
        with pytest.raises(Undeliverable):
            open_voice(channel(telegram), {"TELEGRAM_TOKEN": token})


async def test_a_page_that_telegram_refuses_goes_without_its_buttons(
    telegram: FakeTelegram, voice: TelegramVoice
) -> None:
    crowded = Message("down", buttons=[[Button("x" * 64, "approve", "y" * 40)] * 8] * 12)
    await voice.post(Place(str(GROUP)), crowded)
    assert telegram.hand.messages(GROUP, "down")[0].keyboard == []


async def test_check_names_the_bot(voice: TelegramVoice) -> None:
    assert await voice.check() == "@nightshift_test_bot"


async def test_an_answer_is_a_draft_in_a_private_chat(
    telegram: FakeTelegram, voice: TelegramVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram_stream, "DRAFT_EVERY_S", 0.05)
    chat = telegram.world.chats[EARLY.id]
    stream = voice.stream(Place(str(EARLY.id)))
    for words in ("the heap", "the heap is full"):
        await stream.write(words)
        await until(lambda words=words: chat.draft_seen(telegram.clock.now()) == words, 2, "the draft")
    ref = await stream.finish(Message("", rows=[("", "the heap is full: restart")]))
    assert chat.draft_seen(telegram.clock.now()) is None
    assert str(telegram.hand.messages(EARLY.id, "the heap is full: restart")[0].id) == ref
    assert len(telegram.hand.messages(EARLY.id)) == 1


async def test_an_answer_in_a_group_is_edited_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert telegram_stream.EDIT_EVERY_S == 3.0
    monkeypatch.setattr(telegram_stream, "EDIT_EVERY_S", 1.2)  # the limit of a chat is one a second
    async with fake_telegram() as telegram:  # the real limits
        telegram.world.group(FORUM, EARLY, forum=True)
        voice = open_voice(channel(telegram), {"TELEGRAM_TOKEN": TOKEN})
        stream = voice.stream(Place(str(FORUM)))
        for count in range(1, 40):
            await stream.write("word " * count)
            await asyncio.sleep(0.05)
        await stream.finish(Message("", rows=[("", "the end")], more="all of it"))
        await voice.close()
        answer, file = telegram.hand.messages(FORUM)
        assert (answer.text, file.content) == ("the end", b"all of it")
        shown = [
            call.at for call in telegram.calls.accepted("sendMessage") + telegram.calls.accepted("editMessageText")
        ]
        assert len(shown) == 3  # first words, once more, the end
        assert min(b - a for a, b in pairwise(shown[:-1])) >= telegram_stream.EDIT_EVERY_S - 0.05
        assert telegram.server.impatient == 0


async def test_a_stream_never_fails_before_its_end(telegram: FakeTelegram, voice: TelegramVoice) -> None:
    telegram.faults.arm(Fault.SERVER_ERROR, "sendMessage", times=2)
    stream = voice.stream(Place(str(GROUP)))
    await stream.write("so far")
    await until(lambda: bool(telegram.calls.refused("sendMessage")), 2, "the first try")
    with pytest.raises(Unavailable):
        await stream.finish(Message("the end"))
    await stream.finish(Message("the end"))
    assert [one.text for one in telegram.hand.messages(GROUP)] == ["the end"]
