"""Bolt and the Slack SDK against the fake: what an app does on a night on call, end to end."""

import asyncio
import contextlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.models.blocks import SectionBlock
from slack_sdk.models.messages.chunk import TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.faults import Fault
from tests.fakes.flood import Rate
from tests.fakes.loopback import Loopback
from tests.fakes.slack import FakeSlack, fake_slack
from tests.fakes.slack_delivery import INTERACTIVE
from tests.fakes.slack_http import encoded, signed
from tests.fakes.slack_rules import METHOD_RATES, SlackLimits
from tests.fakes.slack_state import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Channel, Member, Post
from tests.fakes.slack_tricks import FOREIGN, FORGED, MISPLACED, SlackScene, SlackTrick, forged_posts
from tests.fakes.waiting import until

FAST = Rate(1000, 1.0)
ANY_SPEED = SlackLimits(per_channel=FAST, methods=dict.fromkeys(METHOD_RATES, FAST))
APPROVER = Member("U0APPROVER", "approver")
OUTSIDER = Member("U0OUTSIDER", "outsider")
CARD_ID, OTHER_ID = "0123456789ab", "ba9876543210"


class Decisions:
    """An app as a product might write it: it trusts nothing that comes back from a click."""

    def __init__(self, slack: FakeSlack) -> None:
        self.client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api, timeout=2)
        self.app = AsyncApp(client=self.client, signing_secret=SIGNING_SECRET)
        self.cards: dict[str, str] = {}
        self.decided: dict[str, str] = {}
        self.reasons: list[str] = []
        self.handled = 0
        self.app.action("approve")(self.approve)
        self.app.action("reject")(self.reject)
        self.app.view("reject")(self.rejected)
        self.app.command("/incidents")(self.incidents)
        self.app.event("app_mention")(self.mentioned)
        self.app.event("message")(self.heard)

    async def card(self, number: str) -> None:
        buttons = [
            {"type": "button", "action_id": verb, "value": number, "text": {"type": "plain_text", "text": verb}}
            for verb in ("approve", "reject")
        ]
        blocks = [SectionBlock(text=f"card {number}").to_dict(), {"type": "actions", "elements": buttons}]
        answer = await self.client.chat_postMessage(channel="C1", text=f"card {number}", blocks=blocks)
        self.cards[number] = str(answer["ts"])

    async def approve(self, ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        self.handled += 1
        value = body["actions"][0].get("value")
        here = body.get("container", {}).get("channel_id"), body.get("container", {}).get("message_ts")
        ours = isinstance(value, str) and ("C1", self.cards.get(value)) == here and body.get("api_app_id") == "A0TEST"
        who = body["user"].get("id"), body["user"].get("team_id")
        if not ours or who != (APPROVER.id, APPROVER.team) or value in self.decided:
            return
        self.decided[value] = who[0]
        await self.client.chat_update(channel="C1", ts=self.cards[value], text=f"approved by {who[0]}")
        await respond(text="thank you", response_type="ephemeral", replace_original=False)

    async def reject(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        words = {"type": "plain_text", "text": "Reject"}
        element = {"type": "plain_text_input", "action_id": "text"}
        entry = {"type": "input", "block_id": "reason", "label": words, "element": element}
        view = {"type": "modal", "callback_id": "reject", "title": words, "submit": words, "blocks": [entry]}
        await self.client.views_open(trigger_id=body["trigger_id"], view=view)

    async def rejected(self, ack: Any, view: dict[str, Any]) -> None:
        reason = view["state"]["values"]["reason"]["text"]["value"]
        if len(reason) < 10:
            await ack(response_action="errors", errors={"reason": "say more"})
            return
        await ack()
        self.reasons.append(reason)

    async def incidents(self, ack: Any) -> None:
        await ack(text="nothing is open")

    async def mentioned(self, event: dict[str, Any]) -> None:
        await self.client.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="you asked")

    async def heard(self, event: dict[str, Any]) -> None:
        self.reasons.append(f"heard {event.get('text')}")


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack(ANY_SPEED) as fake:
        fake.workspace.open_channel("C1", APPROVER, OUTSIDER)
        yield fake


@pytest.fixture
def channel(slack: FakeSlack) -> Channel:
    return slack.workspace.channels["C1"]


@contextlib.asynccontextmanager
async def socket_mode(slack: FakeSlack, decisions: Decisions) -> AsyncIterator[None]:
    handler: Any = AsyncSocketModeHandler(decisions.app, APP_TOKEN, ping_interval=1)
    await handler.connect_async()
    try:
        await until(lambda: bool(slack.sockets.connections), 5, "a socket")
        yield
    finally:
        await handler.close_async()


@contextlib.asynccontextmanager
async def over_http(slack: FakeSlack, decisions: Decisions) -> AsyncIterator[None]:
    bolt = AsyncSlackRequestHandler(decisions.app)

    async def serve(request: Request) -> Response:
        if not genuine(request.headers, await request.body()):
            return Response(status_code=401)
        answer: Response = await bolt.handle(request)
        return answer

    served = Loopback(Starlette(routes=[Route("/slack/events", serve, methods=["POST"])]))
    await served.start()
    try:
        await slack.use_http(f"{served.url}/slack/events")
        yield
    finally:
        await served.stop()


def genuine(headers: Mapping[str, str], body: bytes) -> bool:
    """The check of the raw bytes that has to stand before Bolt, which parses first."""
    stamp, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12) or abs(time.time() - int(stamp)) > 300:
        return False
    return hmac.compare_digest(signed(body, at=int(stamp))["X-Slack-Signature"].encode(), given.encode())


def shown(slack: FakeSlack, number: str) -> Post:
    return slack.hand.posts(slack.workspace.channels["C1"], f"card {number}")[0]


async def night(slack: FakeSlack, decisions: Decisions, channel: Channel) -> None:
    """The same for both roads: card, outsider, approval, modal, command, mention."""
    await decisions.card(CARD_ID)
    card = shown(slack, CARD_ID)
    assert (await slack.hand.settled(slack.hand.click(OUTSIDER, card, "approve"))).acked
    assert decisions.decided == {}
    rejecting = await slack.hand.settled(slack.hand.click(APPROVER, card, "reject"))
    assert rejecting.acked
    view = await slack.hand.modal(APPROVER)
    await slack.hand.settled(slack.hand.submit(view, {"reason": "no"}))
    assert view.errors == {"reason": "say more"}
    await slack.hand.settled(slack.hand.submit(view, {"reason": "the disk was replaced"}))
    assert decisions.reasons == ["the disk was replaced"]
    approving = await slack.hand.settled(slack.hand.click(APPROVER, card, "approve"))
    assert approving.acked
    assert approving.acked_after_s is not None
    assert approving.acked_after_s < 3
    await slack.hand.sees(channel, f"approved by {APPROVER.id}")
    await slack.hand.whispered(APPROVER, channel, "thank you")
    await slack.hand.settled(slack.hand.click_stale(APPROVER, card, "approve"))
    await slack.hand.settled(slack.hand.command(APPROVER, channel, "/incidents"))
    await slack.hand.whispered(APPROVER, channel, "nothing is open")
    slack.hand.say(APPROVER, channel, "<@U0NIGHTSHIFT> why?")
    await slack.hand.sees(channel, "you asked")
    await until(lambda: "heard <@U0NIGHTSHIFT> why?" in decisions.reasons, 5, "the message itself")
    assert not any("card" in reason for reason in decisions.reasons)  # Bolt does not hand an app its own messages
    assert decisions.decided == {CARD_ID: APPROVER.id}
    assert slack.violations == []


async def test_a_night_over_socket_mode(slack: FakeSlack, channel: Channel) -> None:
    decisions = Decisions(slack)
    async with socket_mode(slack, decisions):
        await night(slack, decisions, channel)


async def test_a_night_over_http(slack: FakeSlack, channel: Channel) -> None:
    decisions = Decisions(slack)
    async with over_http(slack, decisions):
        await night(slack, decisions, channel)


async def test_no_unsigned_post_is_believed_and_a_replay_is_delivered(slack: FakeSlack) -> None:
    decisions = Decisions(slack)
    await decisions.card(CARD_ID)
    async with over_http(slack, decisions):
        clicked = await slack.hand.settled(slack.hand.click(OUTSIDER, shown(slack, CARD_ID), "approve"))
        body, kind = encoded(INTERACTIVE, clicked.payload)
        road: Any = slack.server.deliveries.road
        for name, (headers, forged) in forged_posts(body, kind).items():
            assert (await road.post(forged, headers)).status_code == 401, name
        await until(lambda: decisions.handled == 1, 5, "the honest click")
        replayed = signed(body) | {"Content-Type": kind}
        for _ in range(2):  # the same signed bytes inside the five minutes pass every check of signatures
            assert (await road.post(body, replayed)).status_code == 200
        await until(lambda: decisions.handled == 3, 5, "both replays")


async def test_a_clock_that_is_five_minutes_off_loses_everything(slack: FakeSlack) -> None:
    decisions = Decisions(slack)
    await decisions.card(CARD_ID)
    async with over_http(slack, decisions):
        road: Any = slack.server.deliveries.road
        for skew_s, heard in ((-301, False), (301, False), (-290, True)):
            road.skew_s = skew_s
            clicked = await slack.hand.settled(slack.hand.click(OUTSIDER, shown(slack, CARD_ID), "approve"))
            assert clicked.acked is heard, skew_s


@pytest.mark.parametrize("tricks", [FOREIGN, FORGED, MISPLACED], ids=["foreign", "forged", "misplaced"])
async def test_no_trick_is_counted(slack: FakeSlack, tricks: Mapping[str, SlackTrick]) -> None:
    decisions = Decisions(slack)
    await decisions.card(CARD_ID)
    await decisions.card(OTHER_ID)
    scene = SlackScene(slack.hand, APPROVER, OUTSIDER, shown(slack, CARD_ID), shown(slack, OTHER_ID))
    async with socket_mode(slack, decisions):
        for name, play in tricks.items():
            await slack.hand.settled(play(scene))
            assert decisions.decided == {}, name
        await asyncio.sleep(0.1)
    assert decisions.decided == {}


async def test_socket_mode_comes_anew_when_asked_and_after_a_cut(slack: FakeSlack, channel: Channel) -> None:
    decisions = Decisions(slack)
    async with socket_mode(slack, decisions):
        await slack.sockets.refresh()
        await until(lambda: slack.sockets.opened == 2 and bool(slack.sockets.connections), 10, "a second socket")
        slack.hand.say(APPROVER, channel, "<@U0NIGHTSHIFT> one?")
        await slack.hand.sees(channel, "you asked")
        slack.sockets.cut()
        await until(lambda: slack.sockets.opened == 3 and bool(slack.sockets.connections), 20, "a third socket")
        slack.hand.say(APPROVER, channel, "<@U0NIGHTSHIFT> two?")
        await until(lambda: len(slack.hand.posts(channel, "you asked")) == 2, 5, "the second answer")


async def test_the_sdk_obeys_a_rate_limit(slack: FakeSlack) -> None:
    async with fake_slack() as strict:
        strict.workspace.open_channel("C1", APPROVER)
        client = AsyncWebClient(token=BOT_TOKEN, base_url=strict.api)
        client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
        begun = time.monotonic()
        for word in ("one", "two"):
            await client.chat_postMessage(channel="C1", text=word)
        assert time.monotonic() - begun >= 1
        assert strict.server.impatient == 0
        assert len(strict.calls.refused("chat.postMessage")) == 1


async def test_streams_files_and_errors_through_the_sdk(slack: FakeSlack, channel: Channel) -> None:
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api)
    parent = str((await client.chat_postMessage(channel="C1", text="card"))["ts"])
    stream = await client.chat_stream(
        channel="C1", thread_ts=parent, recipient_user_id=APPROVER.id, recipient_team_id=APPROVER.team, buffer_size=8
    )
    await stream.append(markdown_text="the disk ")
    await stream.append(chunks=[TaskUpdateChunk(id="1", title="read logs", status="complete")])
    await stream.append(markdown_text="is full")
    await stream.stop(blocks=[SectionBlock(text="two sources")])
    answer = await slack.hand.sees(channel, "the disk is full")
    assert (answer.thread, len(answer.blocks), len(answer.chunks) > 0) == (parent, 1, True)
    await client.files_upload_v2(channel="C1", thread_ts=parent, filename="run.log", content="line\n", title="log")
    (file,) = slack.workspace.files.values()
    assert (file.content, file.shared_in, file.thread) == (b"line\n", "C1", parent)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C1", text="x", blocks=json.dumps([{"type": "marquee"}]))
    assert refused.value.response["error"] == "invalid_blocks"


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        (Fault.RATE_LIMITED, 0),
        (Fault.SERVER_ERROR, 0),
        (Fault.BAD_GATEWAY, 0),
        (Fault.UNAVAILABLE, 0),
        (Fault.GARBAGE, 0),
        (Fault.UNAUTHORIZED, 0),
        (Fault.FORBIDDEN, 0),
        (Fault.HANG, 0),
        (Fault.CUT_BEFORE, 0),
        (Fault.CUT_AFTER, 1),
        (Fault.HALF_ANSWER, 1),
    ],
)
async def test_each_fault_reaches_the_sdk(slack: FakeSlack, channel: Channel, fault: Fault, done: int) -> None:
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api, timeout=1)
    client.retry_handlers.clear()  # its own handler sends again after a reset: a double where the deed was done
    slack.faults.arm(fault, "chat.postMessage")
    with pytest.raises(Exception):  # noqa: B017 - the SDK raises something else for each
        await client.chat_postMessage(channel="C1", text="page")
    assert len(slack.hand.posts(channel, "page")) == done
    await client.chat_postMessage(channel="C1", text="page")
    assert len(slack.hand.posts(channel, "page")) == done + 1


async def test_the_sdk_by_itself_makes_a_double_after_a_lost_answer(slack: FakeSlack, channel: Channel) -> None:
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api, timeout=2)
    slack.faults.arm(Fault.CUT_AFTER, "chat.postMessage")
    await client.chat_postMessage(channel="C1", text="page")  # no error: it asked again by itself
    assert len(slack.hand.posts(channel, "page")) == 2
