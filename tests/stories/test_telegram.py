"""A night in Telegram: page, findings, card, a guest who may not, every process restarted, the yes, the outcome."""

from collections.abc import Callable

from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.fakes.telegram_state import TOKEN, Message, Person
from tests.fakes.waiting import until
from tests.stories.town import Town

EARLY, GUEST = Person(101, "early shift", "early"), Person(202, "a guest")
GROUP = -1001
SEEN_S = 60.0


async def test_a_release_is_rolled_back_from_telegram(town: Town) -> None:
    async with fake_telegram() as telegram:  # with the real limits
        telegram.world.group(GROUP, EARLY, GUEST, forum=True)
        telegram.world.private(EARLY)
        channel = {"id": "oncall", "kind": "telegram", "url": telegram.url, "token_env": "BOT", "chat": str(GROUP)}
        await town.furnish(["shop"], channels=[channel])
        worker = town.worker(BOT=TOKEN)
        code = (await town.ask("POST", "/auth/link-code", who="on-call"))["code"]
        telegram.hand.start(EARLY)
        telegram.hand.say(EARLY, EARLY.id, f"/link {code}")
        await telegram.hand.sees(EARLY.id, "This account is on-call now", within_s=SEEN_S)

        await town.deploy("shop", "v42", "v41")
        alerts = await town.fire("shop")
        page = await telegram.hand.sees(GROUP, "HighErrorRate", within_s=SEEN_S)
        [topic] = telegram.world.chats[GROUP].topics.values()
        assert "#1" in topic.name
        card = await sees(telegram, "the card", lambda one: has(one, "Approve"))
        finding = (await telegram.hand.sees(GROUP, "What was found")).id
        assert page.id < min(finding, card.id), "the page comes first"
        assert {one.thread for one in telegram.hand.messages(GROUP)} == {topic.id}
        assert "v41" in card.text

        refused = telegram.hand.press(GUEST, card, "Approve")
        assert "do not know who you are" in await telegram.hand.answer_to(refused, within_s=SEEN_S)
        assert refused.alert

        # Killed a moment earlier, the worker's successor would post the card again, and the newest one counts.
        await until(
            lambda: bool(town.rows("SELECT 1 FROM posts WHERE subject LIKE 'card:%'")), SEEN_S, "the card's row"
        )
        town.kill(worker)
        town.rows("DELETE FROM leases WHERE name = 'telegram'")  # or it would be over in ten seconds
        starts = len(telegram.calls.accepted("setMyCommands"))
        town.worker(BOT=TOKEN)
        await town.restart_serve()
        assert town.target.log == []
        await until(lambda: len(telegram.calls.accepted("setMyCommands")) > starts, SEEN_S, "the bot to listen again")
        pressed = telegram.hand.press(EARLY, card, "Approve")
        assert "Approved" in await telegram.hand.answer_to(pressed, within_s=SEEN_S)
        execution = await town.card(1)
        await town.reached(execution, "verifying", "verified", "stable")
        await town.clear(alerts)
        await town.deploy("shop", "v41", "v42", kind="rollback")
        await town.reached(execution, "stable")
        await until(lambda: not has(card, "Approve") and "🟢" in card.text, SEEN_S, "the outcome in the card's place")
        await until(lambda: "🟢" in page.text, SEEN_S, "the page to tell the end")

        telegram.hand.say(EARLY, GROUP, "/ask who approved this?", thread=topic.id)
        answer = await sees(telegram, "the answer", lambda one: "on-call" in one.text and one.id > card.id)
        assert answer.thread == topic.id

        assert (town.target.received(execution), town.target.effects(execution)) == (1, 1)
        [vote] = town.rows("SELECT v.via, p.name FROM approval_votes v JOIN persons p ON p.id = v.person_id")
        assert vote == {"via": "telegram", "name": "on-call"}
        assert telegram.server.impatient == 0
        assert not telegram.calls.doubles("sendMessage", lambda call: call.arguments["text"])


def has(message: Message, label: str) -> bool:
    return any(label in button["text"] for button in message.buttons())


async def sees(telegram: FakeTelegram, what: str, holds: Callable[[Message], bool]) -> Message:
    """Wait for a message of the bot that is like this."""
    await until(lambda: any(map(holds, telegram.hand.messages(GROUP))), SEEN_S, what)
    return next(one for one in telegram.hand.messages(GROUP) if holds(one))
