"""Slack's side of the door, with the real Bolt: clicks, forms, commands and questions, over both roads."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from store import one_time_codes
from store.one_time_codes import Purpose
from tests.api.slack_night import APPROVER, OUTSIDER, SECOND, Night, open_night
from tests.fakes.slack_delivery import EVENTS, INTERACTIVE
from tests.fakes.slack_http import encoded, signed
from tests.fakes.slack_tricks import FOREIGN, FORGED, MISPLACED, SlackScene, SlackTrick, forged_posts
from tests.fakes.waiting import until

ROADS = ("socket", "http")


@pytest.fixture
async def night(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Night]:
    async with open_night(database, tmp_path, monkeypatch) as opened:
        yield opened


async def test_a_stranger_is_refused_and_a_linked_approver_approves_once(night: Night) -> None:
    shown = [await night.card() for _ in ROADS]
    async with night.heard("socket"):
        pass  # whoever heard people when the cards were shown is gone when they click
    for road, (execution, card) in zip(ROADS, shown, strict=True):
        async with night.heard(road):
            assert "I do not know who you are" in await night.click(OUTSIDER, card, "approve")
            assert await night.state(execution) == "awaiting_approval"
            # An address that a payload names is answered only where it is Slack's.
            before = len(night.channel.ephemerals)
            forged = night.slack.hand.forge(OUTSIDER, card, "approve", response_url="https://elsewhere.example/x")
            await night.slack.hand.settled(forged)
            assert "I do not know" in await night.told(before)
            before = len(night.channel.ephemerals)
            clicked = await night.slack.hand.settled(night.slack.hand.click(APPROVER, card, "approve"))
            assert clicked.acked
            assert clicked.acked_after_s is not None
            assert clicked.acked_after_s < 2
            assert "Approved" in await night.told(before)
            assert await night.state(execution) == "approved"
            assert "decided before" in await night.click(SECOND, card, "approve")
            assert "decided before" in await night.click(APPROVER, card, "approve")
            assert {one.thread for one in night.channel.ephemerals[before:]} == {card.thread}
    assert len(night.slack.calls.accepted("chat.postEphemeral")) == len(ROADS)
    assert [vote["via"] for vote in await night.ward.rows("SELECT via FROM approval_votes")] == ["slack"] * 2


async def test_a_rejection_needs_a_reason_that_says_something(night: Night) -> None:
    hand = night.slack.hand
    for number, road in enumerate(ROADS):
        execution, card = await night.card()
        async with night.heard(road):
            await hand.settled(hand.click(APPROVER, card, "reject"))
            view = await hand.modal(APPROVER)
            await hand.settled(hand.submit(view, {"reason": "no"}))
            assert list(view.errors) == ["reason"]
            assert view.open
            assert await night.state(execution) == "awaiting_approval"
            await hand.settled(hand.submit(view, {"reason": "the disk was replaced <!here>"}))
            assert not view.open
            assert "Rejected" in await night.told(number)
        assert await night.state(execution) == "rejected"
    votes = await night.ward.rows("SELECT reason FROM approval_votes")
    assert [vote["reason"] for vote in votes] == ["the disk was replaced <!here>"] * 2


async def test_the_other_forms_and_buttons_do_what_they_say(night: Night) -> None:
    execution, card = await night.card()
    hand = night.slack.hand
    async with night.heard("socket"):
        assert "is acknowledged" in await night.click(APPROVER, card, "acknowledge")
        assert "assigned to you" in await night.click(SECOND, card, "take_over")
        assert "Everybody is called" in await night.click(APPROVER, card, "escalate")
        assert "silent until" in await night.click(APPROVER, card, "silence_1h")
        await hand.sees(night.channel, "is silent")
        await hand.settled(hand.click(APPROVER, card, "edit"))
        view = await hand.modal(APPROVER)
        typed = {"service": (await night.ward.execution(execution["id"]))["intent"]["parameters"]["service"]}
        await hand.settled(hand.submit(view, {**typed, "times": "3", "reason": "once is not enough"}))
        assert "Edited" in await night.told(4)
        await hand.settled(hand.click(APPROVER, card, "ask"))
        await hand.settled(hand.submit(await hand.modal(APPROVER), {"question": "what changed?"}))
        assert "looking into it" in await night.told(5)
        await hand.settled(hand.click(APPROVER, card, "fixed_by"))
        await hand.settled(hand.submit(await hand.modal(APPROVER), {"words": "cleared the disk", "playbook": ""}))
        assert "cleared the disk" in await night.told(6)
        assert "STOP is on" in await night.click(SECOND, card, "stop")
    assert await night.state(execution) == "superseded"
    (asked,) = await night.ward.rows("SELECT door, outside_key FROM threads")
    assert asked["door"] == "slack"
    assert card.thread is not None


async def test_no_trick_is_counted(night: Night) -> None:
    execution, card = await night.card()
    other_execution, other = await night.card()
    tricks: Mapping[str, SlackTrick] = FOREIGN | FORGED | MISPLACED
    assert len(tricks) >= 29
    scene = SlackScene(night.slack.hand, APPROVER, OUTSIDER, card, other)
    for road in ROADS:
        async with night.heard(road):
            for name, play in tricks.items():
                played = await night.slack.hand.settled(play(scene))
                assert played.acked, name  # acknowledged like any other, and told to nobody but the person
        # Closing the door waited for all of them.
        assert await night.state(execution) == await night.state(other_execution) == "awaiting_approval"
    assert await night.ward.rows("SELECT 1 FROM approval_votes") == []
    async with night.heard("socket"):
        assert "Approved" in await night.click(APPROVER, card, "approve")
    assert (await night.state(execution), await night.state(other_execution)) == ("approved", "awaiting_approval")


async def test_no_post_is_believed_that_slack_did_not_sign_now_and_none_twice(night: Night) -> None:
    execution, card = await night.card()
    async with night.heard("http"):
        road: Any = night.slack.server.deliveries.road
        clicked = await night.slack.hand.settled(night.slack.hand.click(OUTSIDER, card, "approve"))
        payload = clicked.payload | {"user": APPROVER.brief(), "trigger_id": "9.trigger"}
        body, kind = encoded(INTERACTIVE, payload)
        forged = forged_posts(body, kind)
        assert len(forged) >= 20
        for name, (headers, content) in forged.items():
            answer = await road.post(content, headers)
            assert answer.status_code == 401, name
            assert answer.json()["reason"] in ("signature_missing", "signature_forged", "signature_stale"), name
        assert await night.state(execution) == "awaiting_approval"
        honest = signed(body) | {"Content-Type": kind}
        both = {"X-Slack-Signature": honest["X-Slack-Signature"]}
        assert (await road.post(body, honest)).status_code == 200
        for again in (honest, honest | {"X-Slack-Retry-Num": "1"}, honest | both):
            answer = await road.post(body, again)
            assert (answer.status_code, answer.json()["reason"]) == (409, "replayed")
            assert answer.headers["X-Slack-No-Retry"] == "1"
        await night.also_described("other", "C2")
        usual, road.url = road.url, road.url.replace("oncall", "other")
        answer = await road.post(body, honest)
        assert (answer.status_code, answer.json()["reason"]) == (409, "replayed"), "the same app at another address"
        road.url = usual
        await night.described()
        for broken in (b"{", b"[1]", b"payload=%7B", b"\xff"):
            for type_of in ("application/json", "application/x-www-form-urlencoded"):
                if broken == b"{" and type_of != "application/json":
                    continue  # a form with one odd name
                answer = await road.post(broken, signed(broken) | {"Content-Type": type_of})
                assert answer.status_code in (200, 400, 404), (broken, type_of)
        for skew_s, is_heard in ((-301, False), (301, False), (-290, True), (290, True)):
            road.skew_s = skew_s
            clicked = await night.slack.hand.settled(night.slack.hand.click(OUTSIDER, card, "approve"))
            assert clicked.acked is is_heard, skew_s
        road.url = road.url.replace("oncall", "elsewhere")
        assert (await road.post(body, signed(body + b" ") | {"Content-Type": kind})).status_code == 401
    assert await night.state(execution) == "approved"
    assert len(await night.ward.rows("SELECT 1 FROM approval_votes")) == 1


async def test_commands_are_answered_to_one_person_and_link_in_the_private_chat(night: Night) -> None:
    await night.card()
    hand = night.slack.hand

    async def typed(line: str, person: Any = APPROVER) -> str:
        before = len(night.channel.ephemerals)
        assert (await hand.settled(hand.command(person, night.channel, line))).acked
        return await night.told(before)

    async with night.heard("http"):
        assert "svc-0" in await typed("/incidents")
    async with night.heard("socket"):
        assert "svc-0" in await typed("/incidents")
        assert "I do not know who you are" in await typed("/incidents", OUTSIDER)
        assert "#1 is acknowledged" in await typed("/ack 1")
        assert "rota" in await typed("/oncall")
        assert "/incidents" in await typed("/nightshift help")
        assert "looking into it" in await typed("/ask what &amp; why?")
        assert "code" in await typed("/nightshift link", OUTSIDER)
        assert "STOP is on" in await typed("/stop")
        await hand.sees(night.channel, "no action starts")
        seen, code = one_time_codes.new_code(Purpose.LINK), one_time_codes.new_code(Purpose.LINK)
        carer = {"id": night.ward.people["carer"].id, "name": "carer"}
        private = night.slack.workspace.direct(OUTSIDER.id)
        async with night.ward.store.begin() as conn:
            await one_time_codes.add(conn, carer, Purpose.LINK, seen, by="test")
        before = len(night.channel.ephemerals)
        hand.say(OUTSIDER, night.channel, f"<@U0NIGHTSHIFT> link {seen}")
        assert "everybody reads the code" in await night.told(before)
        hand.write_to_bot(OUTSIDER, f"link {seen}")
        await hand.sees(private, "This code is no good")
        async with night.ward.store.begin() as conn:
            await one_time_codes.add(conn, carer, Purpose.LINK, code, by="test")
        hand.write_to_bot(OUTSIDER, f"link {code}")
        await hand.sees(private, "This account is carer now")
        hand.write_to_bot(OUTSIDER, "incidents")
        await hand.sees(private, "svc-0")
    apart = [one for one in night.channel.posts.values() if one.thread is None]
    assert len(apart) == 3  # the page, a code, and the STOP


async def test_who_names_us_asks_and_who_talks_to_others_does_not(night: Night) -> None:
    _, card = await night.card()
    hand = night.slack.hand

    async def questions() -> list[str]:
        rows = await night.ward.rows("SELECT body FROM thread_events WHERE kind = 'message' ORDER BY at, seq")
        return [row["body"]["text"] for row in rows]

    async with night.heard("http"):
        hand.say(SECOND, night.channel, "why does nobody look?", thread=card.thread)
        hand.say(APPROVER, night.channel, "<@U0NIGHTSHIFT> what changed &amp; why?", thread=card.thread)
        for _ in range(100):
            if await questions():
                break
            await asyncio.sleep(0.02)
        hand.say(APPROVER, night.channel, "and before that?", thread=card.thread)
        hand.say(SECOND, night.channel, "I had a look", thread=card.thread)
        hand.say(SECOND, night.channel, "Nightshift, who is on call?", thread=card.thread)
        hand.say(OUTSIDER, night.channel, "<@U0NIGHTSHIFT> tell me everything")
        assert "I do not know who you are" in await night.told(0)
        for entry in [one for one in night.slack.server.deliveries.entries if one.kind == EVENTS]:
            await hand.settled(entry)
            await hand.settled(hand.repeat(entry))
    assert sorted(await questions()) == ["and before that?", "what changed & why?", "who is on call?"]
    assert len(night.channel.ephemerals) == 1
    keys = await night.ward.rows("SELECT DISTINCT outside_key FROM threads")
    assert len(keys) == 1
    assert card.thread is not None
    assert card.thread in keys[0]["outside_key"]


async def test_chinese_channels_are_answered_in_chinese(night: Night) -> None:
    _, card = await night.card()
    hand = night.slack.hand
    for language, refusal, title in (("zh-Hans", "我不知道您是谁", "拒绝"), ("zh-Hant", "我不知道您是誰", "拒絕")):
        await night.described(language=language)
        async with night.heard("socket"):
            assert refusal in await night.click(OUTSIDER, card, "approve")
            await hand.settled(hand.click(APPROVER, card, "reject"))
            view = await hand.modal(APPROVER)
            assert view.given["title"]["text"] == title
            await hand.settled(hand.submit(view, {"reason": "否"}))
            assert list(view.errors) == ["reason"]
            view.open = False


async def test_a_socket_follows_the_site_and_outlives_a_slack_that_is_away(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.slack_socket.LOOK_EVERY_S", 0.05)
    monkeypatch.setattr("api.slack_socket.PAUSE_S_MAX", 0.1)
    _, card = await night.card()
    await night.slack.stop()
    work = asyncio.create_task(asyncio.sleep(0.3))
    async with asyncio.timeout(60):
        from api.slack_socket import SlackSockets

        await night.described(mode="socket")
        running = asyncio.create_task(SlackSockets(night.ward.house).run())
        await work
        await night.slack.start()
        night.slack.server.deliveries.road = night.slack.sockets
        await until(lambda: bool(night.slack.sockets.connections), 5, "a socket")
        assert "I do not know" in await night.click(OUTSIDER, card, "approve")
        [before] = night.slack.sockets.connections
        await night.slack.sockets.refresh()
        await until(lambda: night.slack.sockets.connections not in ([], [before]), 5, "another")
        # The old one may be there for a moment longer, and the library may come anew twice: what is sent over a socket
        # that ends is lost, as with Slack itself, which says so to who clicked.
        assert "I do not know" in await night.click(OUTSIDER, card, "approve", times=5)
        await night.described(mode="http")
        await until(lambda: not night.slack.sockets.connections, 5, "the end of the socket")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
