"""What we say in Slack, through the real SDK to a strict Slack on loopback: form, limits, faults, files, streams."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from core.catalogue import Language
from core.errors import Unavailable
from core.message import Button, Message, Style, Tone
from core.site import Channel
from tests.fakes.faults import Fault
from tests.fakes.flood import Rate
from tests.fakes.slack import FakeSlack, fake_slack
from tests.fakes.slack_rules import METHOD_RATES, SlackLimits
from tests.fakes.slack_state import BOT_TOKEN, Member, Post
from tools.notify.slack import SlackVoice, open_voice
from tools.notify.slack_form import formed
from tools.notify.slack_stream import SlackStream
from tools.notify.voice import Gone, Place, Undeliverable, Voice, Wait

FAST = Rate(1000, 1.0)
ANY_SPEED = SlackLimits(per_channel=FAST, methods=dict.fromkeys(METHOD_RATES, FAST))
READER = Member("U0READER", "reader")
MARKUP = "*bold* _it_ ~no~ `code` <@U0READER> <!here> <https://evil.example|link> @here :bomb: &lt; ```x```"
CARD = Message(
    "Roll back shop?",
    Tone.WAITING,
    rows=[("Action", "deploy_rollback"), ("Evidence", "errors 12 %"), ("", "since 10:02")],
    code="kubectl rollout undo deploy/shop",
    footer="bound to 0123456789abcdef",
    buttons=[
        [Button("Approve", "approve", "t-approve", Style.PRIMARY), Button("Reject", "reject", "t-no", Style.DANGER)],
        [Button("STOP", "stop", "t-stop", Style.DANGER)],
    ],
)  # fmt: skip


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack(ANY_SPEED) as fake:
        fake.workspace.open_channel("C1", READER)
        yield fake


@pytest.fixture
async def voice(slack: FakeSlack) -> AsyncIterator[Voice]:
    opened = opened_at(slack)
    yield opened
    await opened.close()
    assert slack.violations == []


def opened_at(slack: FakeSlack, language: str = "en") -> Voice:
    channel = Channel("oncall", "slack", url=slack.api, token_env="SLACK", chat="C1", language=language)
    return open_voice(channel, {"SLACK": BOT_TOKEN})


def posts(slack: FakeSlack) -> list[Post]:
    return slack.hand.posts(slack.workspace.channels["C1"])


def texts(blocks: Any) -> list[str]:
    """Every text of blocks, whatever it stands in."""
    if isinstance(blocks, list):
        return [text for one in blocks for text in texts(one)]
    if not isinstance(blocks, dict):
        return []
    own = [blocks["text"]] if isinstance(blocks.get("text"), str) else []
    return own + [text for value in blocks.values() for text in texts(value)]


async def test_a_page_opens_a_thread_and_the_card_in_it_is_replaced_by_its_outcome(
    slack: FakeSlack, voice: Voice
) -> None:
    assert await voice.check() == "@nightshift in test"
    place = await voice.open_thread("C1", "#12 shop", Message("P1 shop is down", Tone.BAD, rows=[("Alerts", "3")]))
    ref = await voice.post(place, CARD)
    page, card = posts(slack)
    assert (page.ts, page.thread, card.thread, card.ts) == (place.root, None, page.ts, ref)
    assert (page.broadcast, card.broadcast) == (False, True), "who does not follow the thread sees the card"
    assert card.element("approve")[1]["value"] == "t-approve"
    assert card.element("approve")[1]["style"] == "primary"
    assert "confirm" not in card.element("reject")[1]
    assert card.element("stop")[1]["confirm"]["title"]["text"] == "Stop all actions?"
    for text in ("🟡 Roll back shop?", "Action: ", "deploy_rollback", "kubectl rollout undo deploy/shop"):
        assert text in texts(card.blocks)
    await voice.edit(place, ref, Message("Approved by the lead", Tone.GOOD))
    await voice.edit(place, ref, Message("Approved by the lead", Tone.GOOD))
    assert card.elements() == []
    assert texts(card.blocks) == ["🟢 Approved by the lead"]


async def test_nothing_of_a_message_is_markup(slack: FakeSlack, voice: Voice) -> None:
    message = Message(MARKUP, rows=[(MARKUP, MARKUP)], code=MARKUP, footer=MARKUP, buttons=[[Button("Go", "go", "t")]])
    await voice.post(Place("C1"), message)
    (post,) = posts(slack)
    assert "mrkdwn" not in str(post.blocks)
    assert "<" not in post.text.replace("&lt;", "")
    assert "&amp;lt;" in post.text
    shown = texts(post.blocks)
    assert [text for text in shown if MARKUP in text] == [MARKUP, f"{MARKUP}: ", MARKUP, MARKUP, MARKUP]
    (sent,) = slack.calls.accepted("chat.postMessage")
    assert (sent.arguments["parse"], sent.arguments["mrkdwn"], sent.arguments["unfurl_links"]) == ("none", False, False)


@pytest.mark.parametrize("letter", ["x", "长", "🔥", "\u202e", "\ud800"], ids=["ascii", "wide", "pair", "bidi", "lone"])
async def test_whatever_is_too_long_is_cut_and_goes_along_whole(slack: FakeSlack, voice: Voice, letter: str) -> None:
    long = letter * 4_000
    rows = [(long, long)] * 70
    buttons = [[Button(long, f"verb{row}{n}", f"t{n}") for n in range(30)] for row in range(20)]
    await voice.post(Place("C1"), Message(long, rows=rows, code=long, footer=long, buttons=buttons))
    (post,) = (one for one in posts(slack) if one.blocks)
    assert sum(len(text.encode("utf-16-le")) // 2 for text in texts(post.blocks) if len(text) > 80) < 13_000
    (file,) = slack.workspace.files.values()
    assert (file.name, file.thread, file.shared_in) == ("message.txt", post.ts, "C1")
    assert (file.content or b"").count(b"\n") > 70


async def test_an_empty_message_and_a_verb_twice_are_taken(slack: FakeSlack, voice: Voice) -> None:
    await voice.post(Place("C1"), Message(""))
    twice = [[Button("one", "ack", "t1"), Button("", "ack", "t2")]]
    await voice.post(Place("C1"), Message("x", buttons=twice))
    assert [one["value"] for _, one in posts(slack)[1].elements()] == ["t1", "t2"]
    assert [one["action_id"] for _, one in posts(slack)[1].elements()] == ["ack", "ack.2"]


async def test_long_output_is_a_file_in_the_thread_once(slack: FakeSlack, voice: Voice) -> None:
    place = await voice.open_thread("C1", "", Message("page"))
    message = Message("Ran", more="line\n" * 9, more_name="../run 1.log")
    ref = await voice.post(place, message)
    await voice.edit(place, ref, replace(message, title="Ran again"))
    (file,) = slack.workspace.files.values()
    assert (file.name, file.content, file.thread) == ("run_1.log", b"line\n" * 9, place.root)
    await voice.edit(place, ref, replace(message, more="other"))
    assert len(slack.workspace.files) == 2


async def test_a_file_that_cannot_be_shared_doubles_no_message(slack: FakeSlack, voice: Voice) -> None:
    slack.faults.arm(Fault.SERVER_ERROR, "files.completeUploadExternal", times=3)
    await voice.post(Place("C1"), Message("Ran", more="x"))
    assert len(posts(slack)) == 1
    slack.faults.arm(Fault.SERVER_ERROR, "files.getUploadURLExternal")
    with pytest.raises(Unavailable):
        await voice.post(Place("C1"), Message("Ran", more="x"))
    assert len(posts(slack)) == 1


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault.RATE_LIMITED, Wait),
        (Fault.SERVER_ERROR, Unavailable),
        (Fault.BAD_GATEWAY, Unavailable),
        (Fault.UNAVAILABLE, Unavailable),
        (Fault.GARBAGE, Unavailable),
        (Fault.CUT_BEFORE, Unavailable),
        (Fault.CUT_AFTER, Unavailable),
        (Fault.HALF_ANSWER, Unavailable),
        (Fault.UNAUTHORIZED, Undeliverable),
        (Fault.FORBIDDEN, Undeliverable),
    ],
)
async def test_each_fault_is_told_as_what_it_means(
    slack: FakeSlack, voice: Voice, fault: Fault, raised: type[Exception]
) -> None:
    slack.faults.arm(fault, "chat.postMessage", seconds=7)
    with pytest.raises(raised) as told:
        await voice.post(Place("C1"), Message("page"))
    assert type(told.value) is raised or issubclass(type(told.value), Undeliverable)
    if isinstance(told.value, Wait):
        assert told.value.seconds == 7
    assert len(posts(slack)) == (fault in (Fault.CUT_AFTER, Fault.HALF_ANSWER))  # never sent twice by the library
    await voice.post(Place("C1"), Message("page"))
    assert slack.server.impatient == 0


async def test_nobody_listens_and_what_only_a_person_can_change(slack: FakeSlack, voice: Voice) -> None:
    with pytest.raises(Undeliverable, match="invite the bot"):
        await voice.post(Place("C404"), Message("page"))
    slack.workspace.open_channel("C2", bot_inside=False)
    with pytest.raises(Undeliverable, match="/invite"):
        await voice.post(Place("C2"), Message("page"))
    for call in (voice.edit(Place("C1"), "1.1", Message("x")), voice.post(Place("C1", root="1.1"), Message("x"))):
        with pytest.raises(Gone):
            await call
    await slack.stop()
    with pytest.raises(Unavailable):
        await voice.check()
    with pytest.raises(Undeliverable, match="set SLACK"):
        open_voice(Channel("oncall", "slack", token_env="SLACK"), {})


async def test_the_second_message_within_a_second_is_told_to_wait() -> None:
    async with fake_slack() as strict:
        strict.workspace.open_channel("C1", READER)
        voice = opened_at(strict)
        await voice.post(Place("C1"), Message("one"))
        with pytest.raises(Wait) as told:
            await voice.post(Place("C1"), Message("two"))
        assert told.value.seconds == 1
        await voice.close()


def unhurried(stream: SlackStream) -> SlackStream:
    """A stream for which no time need pass."""
    stream._due = -1e9
    return stream


async def test_an_answer_is_streamed_and_then_stands_in_the_form_of_every_message(
    slack: FakeSlack, voice: SlackVoice
) -> None:
    place = await voice.open_thread("C1", "", Message("page"))
    stream = voice.stream(place, asked_by=READER.id)
    so_far = ""
    for piece in ("The <@U0READER> ", "", "disk *is* ", "full"):
        so_far += piece
        await unhurried(stream).write(so_far)
    await stream.write("too early to be shown")
    (growing,) = (one for one in posts(slack) if one.thread)
    assert growing.text == r"The &lt;\@U0READER&gt; disk \*is\* full"
    ref = await stream.finish(Message("", rows=[("", so_far)], footer="2 sources"))
    assert (ref, growing.streaming_until) == (growing.ts, None)
    assert so_far in texts(growing.blocks)
    assert len(slack.calls.accepted("chat.appendStream")) == 2


async def test_where_streams_are_refused_a_message_is_edited(slack: FakeSlack, voice: SlackVoice) -> None:
    place = await voice.open_thread("C1", "", Message("page"))
    stream = voice.stream(place)  # nobody is named, and Slack wants to know for whom
    for so_far in ("The", "The disk", "The disk is"):
        await unhurried(stream).write(so_far)
    ref = await stream.finish(Message("The disk is full"))
    (growing,) = (one for one in posts(slack) if one.thread)
    assert (growing.ts, texts(growing.blocks)) == (ref, ["The disk is full"])
    assert len(slack.calls.accepted("chat.update")) == 2


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.SERVER_ERROR, Fault.CUT_AFTER, Fault.FORBIDDEN])
@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
async def test_a_stream_that_breaks_ends_with_the_whole_answer(
    slack: FakeSlack, voice: SlackVoice, fault: Fault, method: str
) -> None:
    place = await voice.open_thread("C1", "", Message("page"))
    stream = voice.stream(place, asked_by=READER.id)
    slack.faults.arm(fault, method, seconds=1)
    for so_far in ("The", "The disk", "The disk is"):
        await unhurried(stream).write(so_far)
    for _ in range(3):
        try:
            ref = await stream.finish(Message("The disk is full"))
            break
        except (Unavailable, Undeliverable):
            slack.clock.skip(2)
    final = slack.workspace.channels["C1"].posts[ref]
    assert texts(final.blocks) == ["The disk is full"]
    others = [one for one in posts(slack) if one.thread and one.ts != ref]
    assert len(others) <= (fault is Fault.CUT_AFTER)


def test_the_three_languages_of_the_form() -> None:
    for language, word in ((Language.EN, "Stop"), (Language.ZH_HANS, "停止"), (Language.ZH_HANT, "停止")):
        stop = formed(CARD, language).blocks[-1]["elements"][0]["confirm"]
        assert stop["confirm"]["text"] == word
