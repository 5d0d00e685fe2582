"""Each rule of Slack's Web API that the fake enforces. Delivery to the app is in test_fake_slack_delivery.py."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.fakes.faults import Fault
from tests.fakes.flood import Rate
from tests.fakes.slack import FakeSlack, fake_slack
from tests.fakes.slack_rules import METHOD_RATES, SlackLimits, SlackRefused
from tests.fakes.slack_state import APP, APP_TOKEN, Channel, Member
from tests.fakes.web_api import WebApi

FAST = Rate(1000, 1.0)
ANY_SPEED = SlackLimits(per_channel=FAST, methods=dict.fromkeys(METHOD_RATES, FAST))
RESPONDER = Member("U0RESPONDER", "responder", email="responder@nightshift.example")
OUTSIDER = Member("U0OUTSIDER", "outsider")


@pytest.fixture
async def slack(request: pytest.FixtureRequest) -> AsyncIterator[FakeSlack]:
    async with fake_slack(getattr(request, "param", ANY_SPEED)) as fake:
        fake.workspace.add(OUTSIDER)
        fake.workspace.open_channel("C1", RESPONDER)
        yield fake


@pytest.fixture
def ask(slack: FakeSlack) -> WebApi:
    return WebApi(slack)


@pytest.fixture
def channel(slack: FakeSlack) -> Channel:
    return slack.workspace.channels["C1"]


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def words(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("Approve"), "action_id": "approve", "value": "v1"} | fields


def actions(*elements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)} | fields


def rich(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(parts)}


def part(*pieces: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(pieces)}


def entry(name: str = "reason", **element: Any) -> dict[str, Any]:
    given = {"type": "plain_text_input", "action_id": "text"} | element
    return {"type": "input", "block_id": name, "label": plain("Why?"), "element": given}


def modal(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    view = {"type": "modal", "title": plain("Reject"), "submit": plain("Reject"), "callback_id": "reject"}
    return view | {"blocks": list(blocks)} | fields


async def test_tokens_methods_and_places(slack: FakeSlack, ask: WebApi, channel: Channel) -> None:
    bot = (await ask("auth.test"))["bot_id"]
    assert (await ask("bots.info", bot=bot))["bot"]["app_id"] == APP
    assert await ask.refusal("bots.info", bot="B9") == "bot_not_found"
    assert await ask.refusal("chat.postMesage") == "unknown_method"
    assert await replace(ask, token="").refusal("auth.test") == "not_authed"
    assert await replace(ask, token="xoxb-wrong").refusal("auth.test") == "invalid_auth"
    assert await replace(ask, token=APP_TOKEN).refusal("auth.test") == "not_allowed_token_type"
    assert await ask.refusal("apps.connections.open") == "not_allowed_token_type"
    assert await ask.refusal("chat.postMessage", channel="C9", text="x") == "channel_not_found"
    slack.workspace.open_channel("C2", bot_inside=False)
    assert await ask.refusal("chat.postMessage", channel="C2", text="x") == "not_in_channel"
    channel.archived = True
    assert await ask.refusal("chat.postMessage", channel="C1", text="x") == "is_archived"
    assert await ask.refusal("chat.postMessage", text="x") == "invalid_arguments"


async def test_arguments_come_as_form_or_json(ask: WebApi, channel: Channel) -> None:
    form = {"channel": "C1", "text": "x", "blocks": '[{"type": "divider"}]'}
    assert (await ask.post("chat.postMessage", data=form)).json()["ok"]
    assert (await ask.post("chat.postMessage", data=form | {"blocks": "["})).json()["error"] == "invalid_blocks_format"
    token = {"token": ask.token, "channel": "C1", "text": "y"}
    assert (await replace(ask, token="").post("chat.postMessage", data=token)).json()["ok"]
    assert [post.text for post in channel.posts.values()] == ["x", "y"]


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"markdown_text": "x", "text": "x"}, "markdown_text_conflict"),
        ({"text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        ({"text": "x", "reply_broadcast": True}, "invalid_arguments"),
        ({"text": "x", "blocks": "words"}, "invalid_blocks_format"),
    ],
)
async def test_a_message_has_words_and_its_thread_exists(ask: WebApi, given: dict[str, Any], refusal: str) -> None:
    assert await ask.refusal("chat.postMessage", channel="C1", **given) == refusal


async def test_threads_hang_on_their_first_message(ask: WebApi, channel: Channel) -> None:
    parent = (await ask("chat.postMessage", channel="C1", text="card"))["ts"]
    reply = (await ask("chat.postMessage", channel="C1", text="finding", thread_ts=parent, reply_broadcast=True))["ts"]
    said = await ask.refusal("chat.postMessage", channel="C1", text="x", thread_ts=reply)
    assert said == "cannot_reply_to_message"
    thread = await ask("conversations.replies", channel="C1", ts=parent)
    assert [one["text"] for one in thread["messages"]] == ["card", "finding"]
    assert channel.posts[reply].broadcast
    assert await ask.refusal("conversations.replies", channel="C1", ts="1.1") == "thread_not_found"


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        (words("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        (words(""), "must be more than 0 characters"),
        ({"type": "section"}, "text or fields"),
        ({"type": "section", "fields": [plain("x")] * 11}, "no more than 10 items allowed"),
        ({"type": "section", "fields": [plain("x" * 2001)]}, "must be less than 2001 characters"),
        ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters"),
        ({"type": "header", "text": words("x")["text"]}, "must be plain_text"),
        ({"type": "markdown", "text": "x" * 12_001}, "more than 12000 characters"),
        (actions(*[button(action_id=f"a{n}") for n in range(26)]), "no more than 25 items allowed"),
        (actions(), "must have at least 1 element"),
        (actions(button(), button()), "`action_id` is used twice"),
        (actions(button(action_id="x" * 256)), "must be less than 256 characters"),
        (actions(button(value="x" * 2001)), "must be less than 2001 characters"),
        (actions(button(text=plain("x" * 76))), "must be less than 76 characters"),
        (actions(button(text=words("x")["text"])), "must be plain_text"),
        (actions(button(style="green")), "must be primary or danger"),
        (actions(button(url="https://" + "x" * 3000)), "must be less than 3001 characters"),
        (actions(button(confirm={"title": plain("?"), "text": plain("x" * 301)})), "must be less than 301 characters"),
        (actions({"type": "static_select", "options": []}), "from 1 to 100 options"),
        (actions({"type": "overflow", "options": [{"text": plain("x"), "value": "x"}] * 6}), "from 1 to 5 options"),
        (actions({"type": "plain_text_input"}), "unsupported type: plain_text_input"),
        ({"type": "context", "elements": [plain("x")] * 11}, "from 1 to 10 elements"),
        ({"type": "image", "image_url": "https://x.example/i.png"}, "missing required field: alt_text"),
        ({"type": "image", "alt_text": "a chart"}, "exactly one of image_url and slack_file"),
        ({"type": "context", "elements": [{"type": "image"}]}, "missing required field: alt_text"),
        ({"type": "markdown", "text": ""}, "missing required field: text"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}, "no emoji field in mrkdwn"),
        (words("x") | {"accessory": {"type": "plain_text_input"}}, "unsupported type: plain_text_input"),
        (actions(button(value="")), "must be more than 0 characters"),
        (actions(button(confirm="sure?")), "must be an object"),
        (actions(button(confirm={"style": "green"})), "must be primary or danger"),
        (actions({"type": "overflow", "options": [{"text": plain("x"), "value": ""}]}), "from 1 to 150 characters"),
        (rich(), "must have at least 1 element"),
        (rich({"type": "text", "text": "x"}), "unsupported type"),
        (rich(part()), "must have at least 1 element"),
        (rich(part({"type": "mrkdwn", "text": "x"})), "unsupported type"),
        (rich(part({"type": "text", "text": ""})), "must be more than 0 characters"),
        (rich(part({"type": "text", "text": "x", "style": "bold"})), "must be an object of true and false"),
        (entry(), "unsupported type: input"),
        ({"type": "marquee"}, "unsupported type: marquee"),
        ({"type": "divider", "block_id": "x" * 256}, "must be less than 256 characters"),
    ],
)
async def test_a_faulty_block_is_refused_with_its_place(ask: WebApi, block: dict[str, Any], fault: str) -> None:
    assert await ask.refusal("chat.postMessage", channel="C1", text="x", blocks=[block]) == "invalid_blocks"
    assert fault in await ask.faults("chat.postMessage", channel="C1", text="x", blocks=[block])


async def test_all_blocks_together_have_an_end(ask: WebApi, channel: Channel) -> None:
    long = part({"type": "text", "text": "x" * 6_600})
    await ask("chat.postMessage", channel="C1", text="x", blocks=[rich(long), rich(long)])
    said = await ask.refusal("chat.postMessage", channel="C1", text="x", blocks=[rich(long), rich(long), words("x")])
    assert said == "msg_blocks_too_long"


async def test_fifty_blocks_with_names_of_their_own(ask: WebApi, channel: Channel) -> None:
    divider = {"type": "divider"}
    await ask("chat.postMessage", channel="C1", text="x", blocks=[divider] * 50)
    names = [block["block_id"] for block in next(iter(channel.posts.values())).blocks]
    assert len(set(names)) == 50  # Slack gives names where the app gave none
    many = await ask.faults("chat.postMessage", channel="C1", text="x", blocks=[divider] * 51)
    assert "no more than 50 items allowed" in many
    twice = await ask.faults("chat.postMessage", channel="C1", text="x", blocks=[divider | {"block_id": "b"}] * 2)
    assert "already exists" in twice
    both = [actions(button(), block_id="one"), actions(button(), block_id="two")]
    await ask("chat.postMessage", channel="C1", text="one action_id in two blocks is allowed", blocks=both)


async def test_an_update_without_blocks_takes_them_away(slack: FakeSlack, ask: WebApi, channel: Channel) -> None:
    ts = (await ask("chat.postMessage", channel="C1", text="card", blocks=[actions(button())]))["ts"]
    await ask("chat.update", channel="C1", ts=ts, text="approved")
    assert (channel.posts[ts].text, channel.posts[ts].blocks) == ("approved", [])
    assert channel.posts[ts].edited
    assert await ask.refusal("chat.update", channel="C1", ts="1.1", text="x") == "message_not_found"
    other = slack.hand.say(RESPONDER, channel, "hello")
    assert await ask.refusal("chat.update", channel="C1", ts=other.ts, text="x") == "cant_update_message"
    assert await ask.refusal("chat.delete", channel="C1", ts=other.ts) == "cant_delete_message"
    await ask("chat.delete", channel="C1", ts=ts)
    assert ts not in channel.posts


async def test_ephemeral_messages_are_for_members_and_never_change(ask: WebApi, channel: Channel) -> None:
    ts = (await ask("chat.postEphemeral", channel="C1", user=RESPONDER.id, text="only you"))["message_ts"]
    assert channel.ephemerals[0].only_for == RESPONDER.id
    assert await ask.refusal("chat.update", channel="C1", ts=ts, text="x") == "message_not_found"
    said = await ask.refusal("chat.postEphemeral", channel="C1", user=OUTSIDER.id, text="x")
    assert said == "user_not_in_channel"


async def test_people_channels_and_reactions(slack: FakeSlack, ask: WebApi) -> None:
    assert (await ask("users.info", user=RESPONDER.id))["user"]["locale"] == "en-US"
    assert await ask.refusal("users.info", user="U9") == "user_not_found"
    found = await ask("users.lookupByEmail", email=RESPONDER.email)
    assert found["user"]["id"] == RESPONDER.id
    assert await ask.refusal("users.lookupByEmail", email="x@y.example") == "users_not_found"
    direct = (await ask("conversations.open", users=RESPONDER.id))["channel"]["id"]
    assert (await ask("chat.postMessage", channel=RESPONDER.id, text="hello"))["channel"] == direct
    ts = (await ask("chat.postMessage", channel="C1", text="x"))["ts"]
    await ask("reactions.add", channel="C1", timestamp=ts, name="eyes")
    assert await ask.refusal("reactions.add", channel="C1", timestamp=ts, name="eyes") == "already_reacted"
    assert await ask.refusal("reactions.add", channel="C1", timestamp=ts, name="no such emoji") == "invalid_name"
    await ask("reactions.remove", channel="C1", timestamp=ts, name="eyes")
    assert await ask.refusal("reactions.remove", channel="C1", timestamp=ts, name="eyes") == "no_reaction"


async def trigger(slack: FakeSlack, ask: WebApi) -> str:
    await ask("chat.postMessage", channel="C1", text="card", blocks=[actions(button())])
    clicked = slack.hand.click(RESPONDER, slack.hand.posts(slack.workspace.channels["C1"])[-1], "approve")
    return str(clicked.payload["trigger_id"])


async def test_a_trigger_opens_one_modal_within_three_seconds(slack: FakeSlack, ask: WebApi) -> None:
    once = await trigger(slack, ask)
    view = (await ask("views.open", trigger_id=once, view=modal(entry())))["view"]
    assert [one.id for one in slack.hand.views(RESPONDER)] == [view["id"]]
    assert await ask.refusal("views.open", trigger_id=once, view=modal(entry())) == "exchanged_trigger_id"
    assert await ask.refusal("views.open", trigger_id="1.2.x", view=modal(entry())) == "invalid_trigger_id"
    late = await trigger(slack, ask)
    slack.clock.skip(3.1)
    assert await ask.refusal("views.open", trigger_id=late, view=modal(entry())) == "expired_trigger_id"
    updated = await ask("views.update", view_id=view["id"], hash=view["hash"], view=modal(entry("other")))
    assert updated["view"]["hash"] != view["hash"]
    said = await ask.refusal("views.update", view_id=view["id"], hash=view["hash"], view=modal(entry()))
    assert said == "hash_conflict"
    for _ in range(2):
        await ask("views.push", trigger_id=await trigger(slack, ask), view=modal(entry()))
    said = await ask.refusal("views.push", trigger_id=await trigger(slack, ask), view=modal(entry()))
    assert said == "push_limit_reached"


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        (modal(entry(), title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(entry(), submit=plain("x" * 25)), "must be less than 25 characters"),
        (modal(entry(), close=plain("x" * 25)), "must be less than 25 characters"),
        (modal(entry(), submit=None), "submit is required"),
        (modal(entry(), private_metadata="x" * 3001), "must be less than 3001 characters"),
        (modal(entry(), callback_id="x" * 256), "must be less than 256 characters"),
        (modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed"),
        (modal(entry(max_length=3001)), "must be from 0 to 3000"),
        (modal(entry(placeholder=plain("x" * 151))), "must be less than 151 characters"),
        (modal(entry() | {"label": plain("x" * 2001)}), "must be less than 2001 characters"),
        (modal(entry("r"), entry("r")), "already exists"),
        (modal(entry() | {"hint": plain("x" * 2001)}), "must be less than 2001 characters"),
        (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
        ({"title": plain("x")}, "missing required field: type"),
    ],
)
async def test_a_faulty_modal_is_refused_and_the_trigger_is_not_used_up(
    slack: FakeSlack, ask: WebApi, view: dict[str, Any], fault: str
) -> None:
    name = await trigger(slack, ask)
    assert fault in await ask.faults("views.open", trigger_id=name, view=view)
    await ask("views.open", trigger_id=name, view=modal(entry()))


async def test_a_file_takes_three_steps(slack: FakeSlack, ask: WebApi, channel: Channel) -> None:
    parent = (await ask("chat.postMessage", channel="C1", text="card"))["ts"]
    place = await ask("files.getUploadURLExternal", filename="run.log", length=5)
    given = {"files": [{"id": place["file_id"], "title": "the log"}], "channel_id": "C1", "thread_ts": parent}
    assert await ask.refusal("files.completeUploadExternal", **given) == "file_not_found"  # nothing uploaded yet
    assert (await ask.post_to(place["upload_url"], content=b"longer than said")).status_code == 400
    assert (await ask.post_to(place["upload_url"], content=b"line\n")).status_code == 200
    await ask("files.completeUploadExternal", **given)
    assert slack.workspace.files[place["file_id"]].content == b"line\n"
    assert slack.hand.posts(channel, thread=parent)[0].files == [place["file_id"]]
    assert await ask.refusal("files.completeUploadExternal", **given) == "file_not_found"  # once
    assert await ask.refusal("files.getUploadURLExternal", filename="x", length=0) == "invalid_arguments"


async def test_a_stream_begins_in_a_thread_goes_on_and_ends(slack: FakeSlack, ask: WebApi, channel: Channel) -> None:
    parent = (await ask("chat.postMessage", channel="C1", text="card"))["ts"]
    here = {"channel": "C1", "thread_ts": parent}
    who = {"recipient_user_id": RESPONDER.id, "recipient_team_id": RESPONDER.team}
    assert await ask.refusal("chat.startStream", channel="C1", **who) == "invalid_arguments"
    assert await ask.refusal("chat.startStream", **here) == "missing_recipient_user_id"
    said = await ask.refusal("chat.startStream", **here, recipient_user_id=RESPONDER.id)
    assert said == "missing_recipient_team_id"
    ts = (await ask("chat.startStream", **here, **who, markdown_text="so "))["ts"]
    this = {"channel": "C1", "ts": ts}
    task = {"type": "task_update", "id": "1", "title": "read logs", "status": "complete"}
    await ask("chat.appendStream", **this, chunks=[{"type": "markdown_text", "text": "far"}, task])
    assert await ask.refusal("chat.appendStream", **this) == "no_text"
    assert await ask.refusal("chat.appendStream", **this, markdown_text="x" * 12_001) == "msg_too_long"
    assert await ask.refusal("chat.appendStream", **this, chunks=[task | {"status": "done"}]) == "invalid_chunks"
    assert await ask.refusal("chat.update", **this, text="x") == "streaming_state_conflict"
    await ask("chat.stopStream", **this, markdown_text=".", blocks=[words("sources")])
    assert channel.posts[ts].text == "so far."
    assert await ask.refusal("chat.appendStream", **this, markdown_text="x") == "message_not_in_streaming_state"
    assert await ask.refusal("chat.appendStream", channel="C1", ts=parent, markdown_text="x") == (
        "message_not_in_streaming_state"
    )
    silent = (await ask("chat.startStream", **here, **who))["ts"]
    slack.clock.skip(61)
    said = await ask.refusal("chat.stopStream", channel="C1", ts=silent)
    assert said == "message_not_in_streaming_state"  # too long without a word
    await ask("chat.update", channel="C1", ts=silent, text="what it would have said")


async def test_a_response_url_serves_five_times_within_half_an_hour(slack: FakeSlack, ask: WebApi) -> None:
    channel = slack.workspace.channels["C1"]
    await ask("chat.postMessage", channel="C1", text="card", blocks=[actions(button())])
    post = slack.hand.posts(channel)[0]
    url = slack.hand.click(RESPONDER, post, "approve").payload["response_url"]
    assert (await ask.post_to(url, json={"text": "only you"})).text == "ok"
    assert channel.ephemerals[0].only_for == RESPONDER.id
    await ask.post_to(url, json={"text": "all", "response_type": "in_channel"})
    await ask.post_to(url, json={"text": "approved", "replace_original": True})
    assert (post.text, post.blocks) == ("approved", [])
    broken = await ask.post_to(url, json={"blocks": [words("x" * 3001)]})
    assert broken.json()["error"] == "invalid_blocks"
    for _ in range(2):
        await ask.post_to(url, json={"text": "x"})
    sixth = await ask.post_to(url, json={"text": "x"})
    assert (sixth.status_code, sixth.json()["error"]) == (404, "used_url")
    await ask("chat.postMessage", channel="C1", text="card", blocks=[actions(button())])
    url = slack.hand.click(RESPONDER, slack.hand.posts(channel)[-1], "approve").payload["response_url"]
    slack.clock.skip(31 * 60)
    assert (await ask.post_to(url, json={"text": "x"})).json()["error"] == "expired_url"


async def test_modals_that_are_not_there_or_too_large(slack: FakeSlack, ask: WebApi) -> None:
    assert await ask.refusal("views.update", view_id="V9", view=modal(entry())) == "not_found"
    assert await ask.refusal("views.push", trigger_id=await trigger(slack, ask), view=modal(entry())) == "not_found"
    assert await ask.refusal("views.open", trigger_id=await trigger(slack, ask)) == "invalid_arguments"
    large = modal(*[words("é" * 3000)] * 30, submit=None)
    assert await ask.refusal("views.open", trigger_id=await trigger(slack, ask), view=large) == "view_too_large"
    named = modal(entry(), external_id="incident-1")
    await ask("views.open", trigger_id=await trigger(slack, ask), view=named)
    said = await ask.refusal("views.open", trigger_id=await trigger(slack, ask), view=named)
    assert said == "duplicate_external_id"
    await ask("views.update", external_id="incident-1", view=named)


async def test_a_response_url_wants_words_and_its_message(slack: FakeSlack, ask: WebApi) -> None:
    channel = slack.workspace.channels["C1"]
    url = slack.hand.command(RESPONDER, channel, "/ack").payload["response_url"]
    assert (await ask.post_to(url, content=b"{")).text == "invalid_payload"
    assert (await ask.post_to(url, json={})).json()["error"] == "no_text"
    replace_nothing = await ask.post_to(url, json={"text": "x", "replace_original": True})
    assert replace_nothing.json()["error"] == "message_not_found"  # a command has no message
    assert (await ask.post_to(url + "0", json={"text": "x"})).json()["error"] == "no_such_url"
    slack.faults.arm(Fault.SERVER_ERROR, "response_url")
    assert (await ask.post_to(url, json={"text": "x"})).status_code == 500
    await ask("chat.postMessage", channel="C1", text="card", blocks=[actions(button())])
    url = slack.hand.click(RESPONDER, slack.hand.posts(channel)[-1], "approve").payload["response_url"]
    await ask.post_to(url, json={"delete_original": True})
    assert slack.hand.posts(channel) == []


async def test_small_refusals(ask: WebApi) -> None:
    broken = await ask.post_to(f"{ask.slack.api}auth.test", content=b"{", headers={"Content-Type": "application/json"})
    assert broken.json()["error"] == "invalid_json"
    assert await ask.refusal("conversations.open", users="U9") == "user_not_found"
    assert await ask.refusal("files.completeUploadExternal", files=[]) == "invalid_arguments"
    ts = (await ask("chat.postMessage", channel="C1", text="card", metadata={"event_type": "x"}))["ts"]
    stream = {"channel": "C1", "thread_ts": ts, "recipient_user_id": RESPONDER.id, "recipient_team_id": "T0TEST"}
    assert await ask.refusal("chat.startStream", **stream, task_display_mode="tree") == "invalid_arguments"
    assert await ask.refusal("chat.startStream", **stream, chunks="words") == "invalid_arguments"
    assert await ask.refusal("chat.startStream", **stream, chunks={"type": "blocks"}) == "invalid_chunks"
    assert await ask.refusal("chat.postMessage", channel="C1", text="x", blocks=[1]) == "invalid_blocks_format"
    assert (await ask("chat.getPermalink", channel="C1", message_ts=ts))["permalink"].endswith(ts)
    assert (await ask("conversations.members", channel="C1"))["members"] == ["U0NIGHTSHIFT", RESPONDER.id]
    assert (await ask("conversations.info", channel="C1"))["channel"]["is_member"]
    assert await ask.refusal("conversations.info", channel="C9") == "channel_not_found"


REAL = SlackLimits()


@pytest.mark.parametrize("slack", [REAL], indirect=True)
async def test_one_message_a_second_in_a_channel(slack: FakeSlack, ask: WebApi) -> None:
    slack.workspace.open_channel("C2", RESPONDER)
    await ask("chat.postMessage", channel="C1", text="one")
    with pytest.raises(SlackRefused) as refused:
        await ask("chat.postMessage", channel="C1", text="two")
    assert (refused.value.error, refused.value.status, refused.value.retry_after) == ("ratelimited", 429, 1)
    await ask("chat.postMessage", channel="C2", text="another channel is not delayed")
    assert await ask.refusal("chat.postMessage", channel="C1", text="two") == "ratelimited"
    assert slack.server.impatient == 1  # it asked again before its time
    slack.clock.skip(1)
    await ask("chat.postMessage", channel="C1", text="two")


@pytest.mark.parametrize("slack", [REAL], indirect=True)
async def test_each_method_has_its_tier(slack: FakeSlack, ask: WebApi) -> None:
    async def accepted(method: str, **arguments: Any) -> int:
        for count in range(200):
            answer = await ask.post(method, json=arguments)
            if answer.status_code == 429:
                return count
        return 200

    ts = (await ask("chat.postMessage", channel="C1", text="card"))["ts"]
    assert await accepted("chat.update", channel="C1", ts=ts, text="x") == 50
    assert await accepted("chat.stopStream", channel="C1", ts=ts) == 20  # refusals count as well
    assert await accepted("users.info", user=RESPONDER.id) == 100
    slack.clock.skip(61)
    await ask("chat.update", channel="C1", ts=ts, text="y")


async def test_faults_by_name(slack: FakeSlack, ask: WebApi, channel: Channel) -> None:
    async def status(fault: Fault, **how: Any) -> int:
        slack.faults.arm(fault, "chat.postMessage", **how)
        return (await ask.post("chat.postMessage", json={"channel": "C1", "text": str(fault)})).status_code

    assert await status(Fault.SERVER_ERROR) == 500
    assert await status(Fault.BAD_GATEWAY) == 502
    assert await status(Fault.UNAVAILABLE) == 503
    assert await status(Fault.RATE_LIMITED, seconds=30) == 429
    assert await status(Fault.GARBAGE) == 200
    assert await status(Fault.UNAUTHORIZED) == 200
    assert await status(Fault.FORBIDDEN) == 200
    assert channel.posts == {}  # none of these was done
    assert await status(Fault.SLOW, seconds=0.2) == 200
    assert len(channel.posts) == 1
    slack.faults.arm(Fault.RATE_LIMITED, place="C1", for_s=30)
    with pytest.raises(SlackRefused) as refused:
        await ask("chat.postMessage", channel="C1", text="x")
    assert refused.value.retry_after == 30
    await ask("chat.postMessage", channel=RESPONDER.id, text="elsewhere nothing is wrong")


@pytest.mark.parametrize(
    ("fault", "done"), [(Fault.CUT_BEFORE, 0), (Fault.CUT_AFTER, 1), (Fault.HALF_ANSWER, 1), (Fault.HANG, 0)]
)
async def test_a_lost_answer_may_hide_a_deed(
    slack: FakeSlack, ask: WebApi, channel: Channel, fault: Fault, done: int
) -> None:
    slack.faults.arm(fault)
    with pytest.raises(httpx.TransportError):
        await asyncio.wait_for(ask.post("chat.postMessage", json={"channel": "C1", "text": "x"}, timeout=0.5), 5)
    assert len(channel.posts) == done
    await ask("chat.postMessage", channel="C1", text="x")
    doubles = slack.calls.doubles("chat.postMessage", lambda call: call.arguments["text"])
    assert doubles == ({"x": 2} if done else {})


async def test_slack_goes_away_and_comes_back_as_it_was(slack: FakeSlack, ask: WebApi, channel: Channel) -> None:
    await ask("chat.postMessage", channel="C1", text="before")
    await slack.stop()
    with pytest.raises(httpx.ConnectError):
        await ask("auth.test")
    await slack.start()
    await ask("chat.postMessage", channel="C1", text="after")
    assert [post.text for post in channel.posts.values()] == ["before", "after"]
