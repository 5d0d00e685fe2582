"""A night in Slack, all of it real but Slack itself: page, findings, card, a stranger, a restart, approval, outcome.

The processes are Nightshift's own, with the real Bolt and SDK in Socket Mode; the limits of the fake are Slack's.
"""

import time
from typing import Any

import pytest

from tests.fakes.slack import FakeSlack, fake_slack
from tests.fakes.slack_state import APP_TOKEN, BOT_TOKEN, BOT_USER, Channel, Member, Post
from tests.fakes.waiting import until as until_holds
from tests.stories.town import Town, until

APPROVER, OUTSIDER = Member("U0APPROVER", "approver"), Member("U0OUTSIDER", "outsider")
SECRETS = {"SLACK_BOT": BOT_TOKEN, "SLACK_APP": APP_TOKEN}
PAGE_S_MAX = 5.0
CARD_KEPT = "SELECT 1 FROM posts WHERE subject LIKE 'card:%'"


async def test_a_night_in_slack(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    async with fake_slack() as slack:
        channel = slack.workspace.open_channel("C1", APPROVER, OUTSIDER)
        slack.server.deliveries.road = slack.sockets
        described = {
            "id": "oncall", "kind": "slack", "url": slack.api, "chat": "C1", "token_env": "SLACK_BOT",
            "app_token_env": "SLACK_APP",
        }  # fmt: skip
        await town.furnish(["shop"], channels=[described])
        worker = town.worker()
        await is_connected(slack)
        await link(town, slack)

        await town.deploy("shop", "v42", "v41")
        began = time.monotonic()
        alerts = await town.fire("shop", number=3)
        page = await slack.hand.sees(channel, "HighErrorRate", within_s=20)
        assert time.monotonic() - began < PAGE_S_MAX
        number = (await town.incident("shop"))["number"]
        execution = await town.card(number)
        card = await sees_card(slack, channel)
        assert (page.thread, card.thread) == (None, page.ts)
        finding = await slack.hand.sees(channel, "What was found", within_s=20)
        assert finding.thread == page.ts
        assert page.ts < min(finding.ts, card.ts), "the page comes first"

        await refused(slack, channel, card)
        assert (await town.execution(execution))["state"] == "awaiting_approval"
        await until_holds(lambda: bool(town.rows(CARD_KEPT)), 20, "the card's row")
        town.kill(worker)
        town.rows("DELETE FROM leases WHERE name = 'slack'")  # or it would be over in ten seconds
        await until_holds(lambda: not slack.sockets.connections, 10, "the end of the socket")
        town.worker()
        await town.restart_serve()
        await is_connected(slack)

        assert (await slack.hand.settled(slack.hand.click(APPROVER, card, "approve"))).acked
        await slack.hand.whispered(APPROVER, channel, "Approved")
        await town.reached(execution, "verifying", "verified", "stable")
        await town.clear(alerts)
        await town.deploy("shop", "v41", "v42", kind="rollback")
        await town.reached(execution, "stable")
        await is_replaced(card)
        assert town.target.effects(execution) == 1

        slack.hand.say(APPROVER, channel, f"<@{BOT_USER}> what changed?", thread=page.ts)
        await until_holds(lambda: bool(slack.calls.accepted("chat.stopStream")), 30, "the end of a streamed answer")
        ref = str(slack.calls.accepted("chat.startStream")[-1].result["ts"])
        answer = channel.posts[ref]
        await until_holds(lambda: bool(answer.blocks), 10, "the answer in its final form")
        assert (answer.thread, answer.streaming_until, "v42" in str(answer.blocks)) == (page.ts, None, True)
        assert slack.violations == []
        assert slack.server.impatient == 0, "a wait that was told is waited for"


async def is_connected(slack: FakeSlack) -> None:
    """Wait for a worker's socket."""
    await until_holds(lambda: bool(slack.sockets.connections), 60, "a socket")


async def link(town: Town, slack: FakeSlack) -> None:
    """The person on call says in the private chat who they are."""
    code = (await town.ask("POST", "/auth/link-code", {}, who="on-call"))["code"]
    slack.hand.write_to_bot(APPROVER, f"link {code}")
    await slack.hand.sees(slack.workspace.direct(APPROVER.id), "This account is on-call now", within_s=10)


async def sees_card(slack: FakeSlack, channel: Channel) -> Post:
    """Wait for a message with a button to approve."""

    def cards() -> list[Post]:
        posts = slack.hand.posts(channel)
        return [one for one in posts if any(button["action_id"] == "approve" for _, button in one.elements())]

    await until_holds(lambda: bool(cards()), 20, "a card")
    return cards()[0]


async def refused(slack: FakeSlack, channel: Channel, card: Post) -> None:
    """Somebody whom nobody knows clicks."""
    assert (await slack.hand.settled(slack.hand.click(OUTSIDER, card, "approve"))).acked
    await slack.hand.whispered(OUTSIDER, channel, "I do not know who you are")


async def is_replaced(card: Post) -> None:
    """The card shows what came of it, and cannot be approved any more."""

    async def look() -> Any:
        names = [button["action_id"] for _, button in card.elements()]
        return card.edited and "approve" not in names and "Approve?" not in str(card.blocks)

    await until("the outcome in the card's place", look)
