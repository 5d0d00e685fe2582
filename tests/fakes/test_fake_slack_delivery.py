"""How the fake tells an app: Socket Mode and signed posts, each rule by itself and without any library of Slack's."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes.flood import Rate
from tests.fakes.loopback import Loopback
from tests.fakes.slack import FakeSlack, fake_slack
from tests.fakes.slack_rules import METHOD_RATES, SlackLimits
from tests.fakes.slack_state import APP_TOKEN, SIGNING_SECRET, Channel, Member, Post
from tests.fakes.waiting import until
from tests.fakes.web_api import WebApi

FAST = Rate(1000, 1.0)
IMPATIENT = SlackLimits(
    per_channel=FAST, methods=dict.fromkeys(METHOD_RATES, FAST), ack_s=0.3, retry_s=(0.05, 0.1, 0.2)
)  # fmt: skip
RESPONDER = Member("U0RESPONDER", "responder")
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Approve"}, "action_id": "approve", "value": "v1"}
CARD = [{"type": "actions", "block_id": "card", "elements": [BUTTON]}]
ENTRY = {
    "type": "input",
    "block_id": "reason",
    "label": {"type": "plain_text", "text": "Why?"},
    "element": {"type": "plain_text_input", "action_id": "text", "min_length": 3},
}
TITLE = {"type": "plain_text", "text": "Reject"}
MODAL = {"type": "modal", "title": TITLE, "submit": TITLE, "blocks": [ENTRY]}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack(IMPATIENT) as fake:
        fake.server.echo = False
        fake.workspace.open_channel("C1", RESPONDER)
        yield fake


@pytest.fixture
def channel(slack: FakeSlack) -> Channel:
    return slack.workspace.channels["C1"]


async def card(slack: FakeSlack) -> Post:
    await WebApi(slack)("chat.postMessage", channel="C1", text="card", blocks=CARD)
    return slack.hand.posts(slack.workspace.channels["C1"])[-1]


@contextlib.asynccontextmanager
async def plugged(slack: FakeSlack) -> AsyncIterator[ClientConnection]:
    """A socket that has said hello."""
    url = (await WebApi(slack, APP_TOKEN)("apps.connections.open"))["url"]
    async with connect(url) as socket:
        assert json.loads(await socket.recv())["type"] == "hello"
        yield socket


async def envelope(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        got: dict[str, Any] = json.loads(await socket.recv())
        return got


async def ack(socket: ClientConnection, got: dict[str, Any], **more: Any) -> None:
    await socket.send(json.dumps({"envelope_id": got["envelope_id"]} | more))


async def test_the_address_of_a_socket_works_once_and_not_for_long(slack: FakeSlack) -> None:
    ask = WebApi(slack, APP_TOKEN)
    url = (await ask("apps.connections.open"))["url"]
    async with connect(url) as socket:
        hello = json.loads(await socket.recv())
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        with pytest.raises(InvalidStatus):
            async with connect(url):
                pass
    late = (await ask("apps.connections.open"))["url"]
    slack.clock.skip(31)
    with pytest.raises(InvalidStatus):
        async with connect(late):
            pass


async def test_ten_sockets_and_no_more(slack: FakeSlack) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(plugged(slack))
        assert await WebApi(slack, APP_TOKEN).refusal("apps.connections.open") == "too_many_websockets"


async def test_an_event_that_nobody_acknowledges_comes_again(slack: FakeSlack, channel: Channel) -> None:
    async with plugged(slack) as socket:
        slack.hand.say(RESPONDER, channel, "hello")
        first, second = await envelope(socket), await envelope(socket)
        assert first["payload"] == second["payload"]  # the same event_id
        assert first["envelope_id"] != second["envelope_id"]
        assert (first["retry_attempt"], second["retry_attempt"]) == (0, 1)
        assert (second["retry_reason"], second["accepts_response_payload"]) == ("timeout", False)
        await ack(socket, second)
        (delivered,) = slack.server.deliveries.entries
        await slack.hand.settled(delivered)
        assert delivered.acked
        assert [one.reason for one in delivered.attempts] == ["timeout", ""]


async def test_an_event_is_given_up_after_three_retries(slack: FakeSlack, channel: Channel) -> None:
    async with plugged(slack):
        slack.hand.say(RESPONDER, channel, "hello")
        (delivered,) = slack.server.deliveries.entries
        await slack.hand.settled(delivered)
    assert (len(delivered.attempts), delivered.acked) == (4, False)


async def test_a_click_that_nobody_acknowledges_fails_before_the_persons_eyes(slack: FakeSlack) -> None:
    async with plugged(slack) as socket:
        clicked = slack.hand.click(RESPONDER, await card(slack), "Approve")
        got = await envelope(socket)
        assert (got["type"], got["accepts_response_payload"]) == ("interactive", True)
        assert got["payload"]["actions"][0]["value"] == "v1"
        await slack.hand.settled(clicked)
        assert (clicked.acked, len(clicked.attempts)) == (False, 1)
        again = slack.hand.repeat(clicked)  # the same payload once more
        got = await envelope(socket)
        assert got["payload"] == clicked.payload
        await ack(socket, got)
        assert (await slack.hand.settled(again)).acked


async def test_each_envelope_goes_to_one_of_the_sockets(slack: FakeSlack, channel: Channel) -> None:
    async with plugged(slack) as one, plugged(slack) as two:
        for _ in range(2):
            slack.hand.say(RESPONDER, channel, "hello")
        for socket in (one, two):
            await ack(socket, await envelope(socket))
        for delivered in slack.server.deliveries.entries:
            assert (await slack.hand.settled(delivered)).acked


async def test_a_socket_that_breaks_loses_no_event(slack: FakeSlack, channel: Channel) -> None:
    async with plugged(slack) as socket:
        slack.hand.say(RESPONDER, channel, "hello")
        await envelope(socket)
        slack.sockets.cut()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    async with plugged(slack) as socket:
        got = await envelope(socket)
        assert got["payload"]["event"]["text"] == "hello"
        await ack(socket, got)
        assert (await slack.hand.settled(slack.server.deliveries.entries[0])).acked


async def test_slack_asks_a_socket_to_come_anew(slack: FakeSlack) -> None:
    async with plugged(slack) as socket:
        await slack.sockets.refresh()
        assert (await envelope(socket))["reason"] == "refresh_requested"
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_what_the_protocol_does_not_know_is_written_down(slack: FakeSlack, channel: Channel) -> None:
    async with plugged(slack) as socket:
        await socket.send("nonsense")
        await socket.send('{"envelope_id": "never sent"}')
        slack.hand.say(RESPONDER, channel, "hello")
        got = await envelope(socket)
        await ack(socket, got, payload={"text": "events take no answer"})
        await ack(socket, got)
        await until(lambda: len(slack.violations) == 4, 5, "four violations")


async def test_a_modal_marks_errors_and_then_closes(slack: FakeSlack) -> None:
    async with plugged(slack) as socket:
        clicked = slack.hand.click(RESPONDER, await card(slack), "approve")
        got = await envelope(socket)
        await WebApi(slack)("views.open", trigger_id=got["payload"]["trigger_id"], view=MODAL)
        await ack(socket, got)
        assert (await slack.hand.settled(clicked)).acked
        view = await slack.hand.modal(RESPONDER)
        with pytest.raises(AssertionError):  # the screen itself counts characters
            slack.hand.submit(view, {"reason": "no"})
        with pytest.raises(AssertionError):
            slack.hand.submit(view, {})
        sent = slack.hand.submit(view, {"reason": "too short"})
        got = await envelope(socket)
        assert got["payload"]["view"]["state"]["values"]["reason"]["text"]["value"] == "too short"
        await ack(socket, got, payload={"response_action": "errors", "errors": {"reason": "say more"}})
        await slack.hand.settled(sent)
        assert (view.open, view.errors) == (True, {"reason": "say more"})
        sent = slack.hand.submit(view, {"reason": "the disk was replaced"})
        await ack(socket, await envelope(socket))
        await slack.hand.settled(sent)
        assert slack.hand.views(RESPONDER) == []
        assert slack.violations == []


async def test_errors_for_an_input_that_is_not_there_are_a_violation(slack: FakeSlack) -> None:
    async with plugged(slack) as socket:
        clicked = slack.hand.click(RESPONDER, await card(slack), "approve")
        got = await envelope(socket)
        await WebApi(slack)("views.open", trigger_id=got["payload"]["trigger_id"], view=MODAL)
        await ack(socket, got)
        await slack.hand.settled(clicked)
        sent = slack.hand.submit(slack.hand.views(RESPONDER)[0], {"reason": "because"})
        payload = {"response_action": "errors", "errors": {"another": "?"}}
        await ack(socket, await envelope(socket), payload=payload)
        await slack.hand.settled(sent)
    assert "inputs are ['reason']" in slack.violations[0]


@pytest.mark.parametrize(
    ("answer", "left", "fault"),
    [
        ({"response_action": "update", "view": MODAL}, 1, ""),
        ({"response_action": "push", "view": MODAL}, 2, ""),
        ({"response_action": "clear"}, 0, ""),
        ({"response_action": "update", "view": {"type": "modal"}}, 1, "the view of update"),
        ({"response_action": "vanish"}, 1, "no such response_action"),
    ],
)
async def test_what_an_acknowledgement_does_to_modals(
    slack: FakeSlack, answer: dict[str, Any], left: int, fault: str
) -> None:
    async with plugged(slack) as socket:
        clicked = slack.hand.click(RESPONDER, await card(slack), "approve")
        got = await envelope(socket)
        await WebApi(slack)("views.open", trigger_id=got["payload"]["trigger_id"], view=MODAL)
        await ack(socket, got)
        await slack.hand.settled(clicked)
        sent = slack.hand.submit(slack.hand.views(RESPONDER)[0], {"reason": "because"})
        await ack(socket, await envelope(socket), payload=answer)
        await slack.hand.settled(sent)
    assert len(slack.hand.views(RESPONDER)) == left
    assert [fault in one for one in slack.violations] == ([True] if fault else [])


async def test_a_commands_answer_is_for_one_or_all_and_checked_like_a_message(
    slack: FakeSlack, channel: Channel
) -> None:
    answers: tuple[dict[str, Any], ...] = (
        {"text": "all", "response_type": "in_channel"},
        {"text": "x", "blocks": [{"type": "marquee"}]},
        {},
    )
    async with plugged(slack) as socket:
        for answer in answers:
            sent = slack.hand.command(RESPONDER, channel, "/incidents")
            await ack(socket, await envelope(socket), payload=answer)
            await slack.hand.settled(sent)
    assert [post.text for post in slack.hand.posts(channel)] == ["all"]
    assert channel.ephemerals == []
    assert slack.violations == ["the answer to a command: invalid_blocks"]


async def test_a_command_is_answered_in_its_acknowledgement(slack: FakeSlack, channel: Channel) -> None:
    async with plugged(slack) as socket:
        sent = slack.hand.command(RESPONDER, channel, "/ack 12 now")
        got = await envelope(socket)
        assert (got["type"], got["payload"]["command"], got["payload"]["text"]) == ("slash_commands", "/ack", "12 now")
        await ack(socket, got, payload={"text": "acknowledged"})
        await slack.hand.settled(sent)
        await slack.hand.whispered(RESPONDER, channel, "acknowledged")


async def test_an_app_hears_itself_others_mentions_and_reactions(slack: FakeSlack, channel: Channel) -> None:
    slack.server.echo = True
    heard: list[tuple[str, bool]] = []
    async with plugged(slack) as socket:
        post = await card(slack)
        slack.hand.say(RESPONDER, channel, "<@U0NIGHTSHIFT> why?", thread=post.ts)
        slack.hand.react(RESPONDER, post, "eyes")
        slack.hand.write_to_bot(RESPONDER, "hello")
        for _ in range(5):
            got = await envelope(socket)
            await ack(socket, got)
            event = got["payload"]["event"]
            heard.append((event["type"], "bot_id" in event))
        for delivered in slack.server.deliveries.entries:
            await slack.hand.settled(delivered)
    expected = [("message", True), ("message", False), ("app_mention", False), ("reaction_added", False)]
    assert sorted(heard) == sorted([*expected, ("message", False)])


@dataclass
class App:
    """An app with an address, which answers as it is told."""

    slow_s: float = 0.0
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    challenge: bool = True
    got: list[tuple[Request, bytes]] = field(default_factory=list)

    async def serve(self, request: Request) -> Response:
        body = await request.body()
        if b"url_verification" in body:
            return JSONResponse({"challenge": json.loads(body)["challenge"]} if self.challenge else {})
        self.got.append((request, body))
        await asyncio.sleep(self.slow_s)
        status = self.statuses.pop(0) if self.statuses else 200
        return PlainTextResponse("", status, self.headers)


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[App], Any]]:
    async with contextlib.AsyncExitStack() as stack:

        async def start(app: App) -> str:
            served = Loopback(Starlette(routes=[Route("/slack/events", app.serve, methods=["POST"])]))
            await served.start()
            stack.push_async_callback(served.stop)
            return f"{served.url}/slack/events"

        yield start


async def test_an_address_must_return_the_challenge(slack: FakeSlack, listen: Any) -> None:
    with pytest.raises(AssertionError):
        await slack.use_http(await listen(App(challenge=False)))
    await slack.use_http(await listen(App()))


async def test_posts_are_signed_over_their_raw_bytes(slack: FakeSlack, channel: Channel, listen: Any) -> None:
    app = App()
    await slack.use_http(await listen(app))
    slack.hand.say(RESPONDER, channel, "hello")
    slack.hand.click(RESPONDER, await card(slack), "approve")
    slack.hand.command(RESPONDER, channel, "/incidents")
    await until(lambda: len(app.got) == 3, 5, "three posts")
    kinds = set()
    for request, body in app.got:
        base = b"v0:" + request.headers["X-Slack-Request-Timestamp"].encode() + b":" + body
        expected = "v0=" + hmac.new(SIGNING_SECRET.encode(), base, hashlib.sha256).hexdigest()
        assert request.headers["X-Slack-Signature"] == expected
        kinds.add((request.headers["Content-Type"], body.split(b"=")[0][:7]))
    form = "application/x-www-form-urlencoded"
    assert kinds == {("application/json", b'{"token'), (form, b"payload"), (form, b"token")}


async def test_an_event_is_posted_again_with_its_number_and_reason(
    slack: FakeSlack, channel: Channel, listen: Any
) -> None:
    app = App(statuses=[500, 503, 200])
    await slack.use_http(await listen(app))
    slack.hand.say(RESPONDER, channel, "hello")
    await slack.hand.settled(slack.server.deliveries.entries[0])
    retries = [(r.headers.get("X-Slack-Retry-Num"), r.headers.get("X-Slack-Retry-Reason")) for r, _ in app.got]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({json.loads(body)["event_id"] for _, body in app.got}) == 1


async def test_slow_is_a_failure_and_no_retry_is_obeyed(slack: FakeSlack, channel: Channel, listen: Any) -> None:
    await slack.use_http(await listen(App(slow_s=0.4)))
    slack.hand.say(RESPONDER, channel, "slow")
    (slow,) = slack.server.deliveries.entries
    assert [one.reason for one in (await slack.hand.settled(slow)).attempts] == ["http_timeout"] * 4
    app = App(statuses=[500], headers={"X-Slack-No-Retry": "1"})
    await slack.use_http(await listen(app))
    slack.hand.say(RESPONDER, channel, "once")
    await slack.hand.settled(slack.server.deliveries.entries[-1])
    assert len(app.got) == 1
