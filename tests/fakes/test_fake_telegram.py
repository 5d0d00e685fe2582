"""Each rule of the Bot API that the fake enforces."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.fakes.bot_api import BotApi
from tests.fakes.faults import Fault
from tests.fakes.flood import Rate
from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.fakes.telegram_rules import Refused, TelegramLimits, units
from tests.fakes.telegram_state import Chat, Person, Standing

ANY_SPEED = TelegramLimits(per_chat=Rate(1000, 1.0), per_group=Rate(1000, 60.0), overall=Rate(1000, 1.0))
RESPONDER = Person(101, "the responder", "responder")
OUTSIDER = Person(202, "the outsider")
GROUP = -1001


@pytest.fixture
async def telegram(request: pytest.FixtureRequest) -> AsyncIterator[FakeTelegram]:
    async with fake_telegram(getattr(request, "param", ANY_SPEED)) as fake:
        fake.world.private(RESPONDER)
        fake.world.group(GROUP, RESPONDER, forum=True)
        yield fake


@pytest.fixture
def ask(telegram: FakeTelegram) -> BotApi:
    return BotApi(telegram)


def keyboard(*rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"inline_keyboard": list(rows)}


APPROVE = {"text": "Approve", "callback_data": "ap:approve:0123456789ab"}


async def test_only_the_token_opens_and_only_known_methods_exist(ask: BotApi) -> None:
    assert (await ask("getMe"))["username"] == "nightshift_test_bot"
    assert (await ask("GETME"))["is_bot"]  # names of methods have no case
    assert await ask.refusal("sendMesage", chat_id=101, text="x") == "Not Found"
    assert await replace(ask, token="4242:WRONG").refusal("getMe") == "Unauthorized"
    assert await replace(ask, token="nonsense").refusal("getMe") == "Not Found"


async def test_arguments_come_in_every_form(ask: BotApi) -> None:
    for given in ({"json": {"chat_id": 101, "text": "a"}}, {"data": {"chat_id": "101", "text": "b"}}):
        assert (await ask.post("sendMessage", **given)).json()["ok"]
    assert (await ask.post("sendMessage?chat_id=101&text=c")).json()["ok"]
    multipart = {"chat_id": (None, "101"), "text": (None, "d")}
    assert (await ask.post("sendMessage", files=multipart)).json()["result"]["text"] == "d"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    broken = await ask.post("sendMessage", content=b"chat_id=101&text=%ff", headers=form)
    assert broken.json()["description"] == "Bad Request: strings must be encoded in UTF-8"
    nonsense = await ask.post("sendMessage", content=b"{", headers={"Content-Type": "application/json"})
    assert nonsense.status_code == 400


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", "message text is empty"),
        (" \n ", "message text is empty"),
        ("x" * 4097, "message is too long"),
        ("\U0001f525" * 2049, "message is too long"),  # UTF-16 units count, not characters
    ],
)
async def test_a_text_has_1_to_4096_units(ask: BotApi, text: str, refusal: str) -> None:
    assert await ask.refusal("sendMessage", chat_id=101, text=text) == f"Bad Request: {refusal}"


async def test_the_text_limit_counts_after_entities_parsing(ask: BotApi) -> None:
    for text in ("x" * 4096, "\U0001f525" * 2048, "<b>" + "x" * 4096 + "</b>", "&lt;" * 4096):
        sent = await ask("sendMessage", chat_id=101, text=text, parse_mode="HTML")
        assert units(sent["text"]) == 4096


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("né<div>x</div>", 'Unsupported start tag "div" at byte offset 3'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<a href>x</a>", 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ("<b", 'Unclosed start tag "b" at byte offset 0'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
async def test_broken_html_is_refused(ask: BotApi, text: str, refusal: str) -> None:
    said = await ask.refusal("sendMessage", chat_id=101, text=text, parse_mode="HTML")
    assert said == f"Bad Request: can't parse entities: {refusal}"


async def test_html_becomes_text_and_entities_in_utf16_units(ask: BotApi) -> None:
    text = '\U0001f525 <b>disk <i>full</i></b> &amp; <a href="https://x.example/">more</a> <pre>df</pre> a & b'
    sent = await ask("sendMessage", chat_id=101, text=text, parse_mode="html")
    assert sent["text"] == "\U0001f525 disk full & more df a & b"
    kinds = [(one["type"], one["offset"], one["length"]) for one in sent["entities"]]
    assert kinds == [("bold", 3, 9), ("italic", 8, 4), ("text_link", 15, 4), ("pre", 20, 2)]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("99.5%", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a - b", "Character '-' is reserved and must be escaped with the preceding '\\'"),
        ("é *bold", "Can't find end of Bold entity at byte offset 3"),
        ("snake_case", "Can't find end of Italic entity at byte offset 5"),
        ("`code", "Can't find end of Code entity at byte offset 0"),
        ("[x](http://y.example", "Can't find end of a URL at byte offset 3"),
        ("a | b", "Character '|' is reserved and must be escaped with the preceding '\\'"),
    ],
)
async def test_broken_markdown_v2_is_refused(ask: BotApi, text: str, refusal: str) -> None:
    said = await ask.refusal("sendMessage", chat_id=101, text=text, parse_mode="MarkdownV2")
    assert said == f"Bad Request: can't parse entities: {refusal}"


async def test_markdown_v2_becomes_text_and_entities(ask: BotApi) -> None:
    two_quotes = await ask("sendMessage", chat_id=101, text=">one\n>two\nthree", parse_mode="MarkdownV2")
    assert two_quotes["text"] == "one\ntwo\nthree"
    assert two_quotes["entities"] == [{"offset": 0, "length": 7, "type": "blockquote"}]
    text = "*bold _both_* __under__ `a.b` ~no~ ||dark|| [link](https://x.example/a\\)b)\n```sh\ndf -h\n```\n>quote\\!"
    sent = await ask("sendMessage", chat_id=101, text=text, parse_mode="MarkdownV2")
    assert sent["text"] == "bold both under a.b no dark link\ndf -h\n\nquote!"
    kinds = [one["type"] for one in sent["entities"]]
    expected = ["bold", "italic", "underline", "code", "strikethrough", "spoiler", "text_link", "pre", "blockquote"]
    assert kinds == expected
    assert sent["entities"][6]["url"] == "https://x.example/a)b"


async def test_the_old_markdown_and_unknown_modes(ask: BotApi) -> None:
    sent = await ask("sendMessage", chat_id=101, text="*bold* `c` [l](http://x.example)", parse_mode="Markdown")
    assert [one["type"] for one in sent["entities"]] == ["bold", "code", "text_link"]
    said = await ask.refusal("sendMessage", chat_id=101, text="snake_case", parse_mode="Markdown")
    assert said.endswith("Can't find end of the entity starting at byte offset 5")
    said = await ask.refusal("sendMessage", chat_id=101, text="x", parse_mode="org")
    assert said == "Bad Request: unsupported parse_mode"


@pytest.mark.parametrize(
    "entity",
    [
        {"type": "bold", "offset": 0, "length": 6},  # the text has five units
        {"type": "bold", "offset": 1, "length": 1},  # half of a character
        {"type": "bold", "offset": -1, "length": 2},
        {"type": "bold", "offset": 0, "length": 0},
        {"type": "strong", "offset": 0, "length": 2},
        {"type": "text_link", "offset": 0, "length": 2},
    ],
)
async def test_explicit_entities_must_fit_the_text(ask: BotApi, entity: dict[str, Any]) -> None:
    text = "\U0001f525 ok"
    await ask("sendMessage", chat_id=101, text=text, entities=[{"type": "bold", "offset": 3, "length": 2}])
    assert "Bad Request" in await ask.refusal("sendMessage", chat_id=101, text=text, entities=[entity])
    many = [{"type": "bold", "offset": 0, "length": 2}] * 101
    assert "ENTITIES_TOO_LONG" in await ask.refusal("sendMessage", chat_id=101, text=text, entities=many)


@pytest.mark.parametrize(
    ("button", "refusal"),
    [
        ({"text": "A", "callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "A", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),  # bytes count, not characters
        ({"text": "A", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": " ", "callback_data": "x"}, "BUTTON_TEXT_EMPTY"),
        ({"text": "A"}, "Text buttons are unallowed in the inline keyboard"),
        ({"callback_data": "x"}, 'Can\'t find field "text"'),
        ({"text": "A", "callback_data": "x", "url": "https://x.example"}, "BUTTON_TYPE_INVALID"),
        ({"text": "A", "url": "http://localhost:8000/"}, "Wrong HTTP URL"),
        ({"text": "A", "url": "x.example"}, "Wrong HTTP URL"),
        ({"text": "A", "copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "A", "copy_text": {"text": ""}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "A", "callback_data": "x", "style": "red"}, "BUTTON_STYLE_INVALID"),
        ({"text": "A", "callback_data": "x", "colour": "red"}, 'Unknown field "colour"'),
    ],
)
async def test_a_button_has_one_deed_within_its_limits(ask: BotApi, button: dict[str, Any], refusal: str) -> None:
    said = await ask.refusal("sendMessage", chat_id=101, text="x", reply_markup=keyboard([button]))
    assert said.endswith(refusal)


async def test_a_keyboard_holds_what_is_allowed_and_no_more(ask: BotApi) -> None:
    good: list[dict[str, Any]] = [
        {"text": "A", "callback_data": "x" * 64, "style": "success"},
        {"text": "B", "url": "https://x.example/i/1"},
        {"text": "C", "copy_text": {"text": "kubectl rollout undo"}},
        {"text": "D", "disabled": {}},
    ]
    sent = await ask("sendMessage", chat_id=101, text="x", reply_markup=keyboard(good))
    assert sent["reply_markup"]["inline_keyboard"] == [good]
    many, wide = keyboard(*([[APPROVE]] * 101)), keyboard([APPROVE] * 9)
    assert "REPLY_MARKUP_TOO_LONG" in await ask.refusal("sendMessage", chat_id=101, text="x", reply_markup=many)
    assert "REPLY_MARKUP_TOO_LONG" in await ask.refusal("sendMessage", chat_id=101, text="x", reply_markup=wide)
    huge = keyboard([APPROVE | {"text": "x" * 10_000}])
    assert "reply markup is too long" in await ask.refusal("sendMessage", chat_id=101, text="x", reply_markup=huge)


async def test_an_edit_must_change_something_of_the_bots_own(telegram: FakeTelegram, ask: BotApi) -> None:
    sent = await ask(
        "sendMessage", chat_id=101, text="<b>card</b>", parse_mode="HTML", reply_markup=keyboard([APPROVE])
    )
    this = {"chat_id": 101, "message_id": sent["message_id"]}
    same = {"text": "<b>card</b>", "parse_mode": "HTML", "reply_markup": keyboard([APPROVE])}
    assert "message is not modified" in await ask.refusal("editMessageText", **this, **same)
    assert "message is not modified" in await ask.refusal(
        "editMessageReplyMarkup", **this, reply_markup=keyboard([APPROVE])
    )
    edited = await ask("editMessageText", **this, text="card")  # without formatting, and the keyboard goes
    assert "reply_markup" not in edited
    assert edited["edit_date"]
    assert "message to edit not found" in await ask.refusal("editMessageText", chat_id=101, message_id=99, text="x")
    telegram.hand.say(RESPONDER, 101, "hello")
    other = telegram.world.chats[101].last_id
    assert "message can't be edited" in await ask.refusal("editMessageText", chat_id=101, message_id=other, text="x")


async def test_deleting_ends_after_48_hours(telegram: FakeTelegram, ask: BotApi) -> None:
    first, second = [(await ask("sendMessage", chat_id=101, text="x"))["message_id"] for _ in range(2)]
    assert await ask("deleteMessage", chat_id=101, message_id=first)
    assert "message to delete not found" in await ask.refusal("deleteMessage", chat_id=101, message_id=first)
    telegram.clock.skip(48 * 3600 + 1)
    assert "can't be deleted for everyone" in await ask.refusal("deleteMessage", chat_id=101, message_id=second)


async def test_closed_doors(telegram: FakeTelegram, ask: BotApi) -> None:
    telegram.world.private(OUTSIDER, started=False)
    said = await ask.refusal("sendMessage", chat_id=202, text="x")
    assert said == "Forbidden: bot can't initiate conversation with a user"
    telegram.hand.start(OUTSIDER)
    await ask("sendMessage", chat_id=202, text="x")
    telegram.hand.block(OUTSIDER)
    assert await ask.refusal("sendMessage", chat_id=202, text="x") == "Forbidden: bot was blocked by the user"
    telegram.hand.kick(RESPONDER, GROUP)
    said = await ask.refusal("sendMessage", chat_id=GROUP, text="x")
    assert said == "Forbidden: bot was kicked from the supergroup chat"
    assert await ask.refusal("sendMessage", chat_id=303, text="x") == "Bad Request: chat not found"
    assert await ask.refusal("sendMessage", text="x") == "Bad Request: chat_id is empty"


async def test_an_upgraded_group_tells_its_new_id(telegram: FakeTelegram, ask: BotApi) -> None:
    telegram.world.group(-55, RESPONDER)
    new: Chat = telegram.hand.upgrade(-55)
    with pytest.raises(Refused) as refused:
        await ask("sendMessage", chat_id=-55, text="x")
    assert refused.value.parameters == {"migrate_to_chat_id": new.id}
    await ask("sendMessage", chat_id=new.id, text="x")
    told = [update["message"] for update in await ask("getUpdates")]
    assert [one.get("migrate_to_chat_id") for one in told] == [new.id, None]
    assert told[1]["migrate_from_chat_id"] == -55


async def test_topics_are_made_in_forums_by_those_who_may(telegram: FakeTelegram, ask: BotApi) -> None:
    topic = await ask("createForumTopic", chat_id=GROUP, name="shop: disk full", icon_color=0xFB6F5F)
    thread = topic["message_thread_id"]
    sent = await ask("sendMessage", chat_id=GROUP, message_thread_id=thread, text="card")
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (thread, True)
    assert "message thread not found" in await ask.refusal(
        "sendMessage", chat_id=GROUP, message_thread_id=1, text="the general topic has no id"
    )
    assert "the chat is not a forum" in await ask.refusal("createForumTopic", chat_id=101, name="x")
    assert "TOPIC_TITLE_TOO_LONG" in await ask.refusal("createForumTopic", chat_id=GROUP, name="x" * 129)
    assert "TOPIC_TITLE_EMPTY" in await ask.refusal("createForumTopic", chat_id=GROUP, name=" ")
    assert "TOPIC_ICON_COLOR_INVALID" in await ask.refusal("createForumTopic", chat_id=GROUP, name="x", icon_color=1)
    assert "TOPIC_NOT_MODIFIED" in await ask.refusal(
        "editForumTopic", chat_id=GROUP, message_thread_id=thread, name="shop: disk full"
    )
    assert await ask("closeForumTopic", chat_id=GROUP, message_thread_id=thread)
    assert "TOPIC_NOT_MODIFIED" in await ask.refusal("closeForumTopic", chat_id=GROUP, message_thread_id=thread)
    telegram.world.chats[GROUP].may_make_topics = False
    assert "not enough rights" in await ask.refusal("createForumTopic", chat_id=GROUP, name="x")
    telegram.world.group(-5, RESPONDER)
    assert "the chat is not a forum" in await ask.refusal("createForumTopic", chat_id=-5, name="x")


async def test_documents_are_files_with_a_short_caption(telegram: FakeTelegram, ask: BotApi) -> None:
    async def send(content: bytes, caption: str = "log") -> dict[str, Any]:
        files = {"document": ("run.log", content, "text/plain")}
        answer = await ask.post("sendDocument", data={"chat_id": "101", "caption": caption}, files=files)
        return dict(answer.json())

    assert (await send(b"line\n"))["result"]["document"]["file_name"] == "run.log"
    assert telegram.hand.messages(101)[0].content == b"line\n"
    assert (await send(b""))["description"] == "Bad Request: file must be non-empty"
    assert (await send(b"x", "x" * 1025))["description"] == "Bad Request: message caption is too long"
    assert "there is no document" in await ask.refusal("sendDocument", chat_id=101)


async def test_drafts_are_for_private_chats_and_vanish(telegram: FakeTelegram, ask: BotApi) -> None:
    chat = telegram.world.chats[101]
    assert await ask("sendMessageDraft", chat_id=101, draft_id=7, text="")  # "Thinking…"
    assert await ask("sendMessageDraft", chat_id=101, draft_id=7, text="so far")
    assert [text for _, text in chat.drafts.values()] == ["so far"]
    assert await ask.refusal("sendMessageDraft", chat_id=GROUP, draft_id=7, text="x") == (
        "Bad Request: TEXTDRAFT_PEER_INVALID"
    )
    assert "RANDOM_ID_INVALID" in await ask.refusal("sendMessageDraft", chat_id=101, draft_id=0, text="x")
    assert "too long" in await ask.refusal("sendMessageDraft", chat_id=101, draft_id=7, text="x" * 4097)
    assert chat.draft_seen(telegram.clock.now()) == "so far"
    telegram.clock.skip(31)
    assert chat.draft_seen(telegram.clock.now()) is None
    await ask("sendMessageDraft", chat_id=101, draft_id=8, text="again")
    await ask("sendMessage", chat_id=101, text="the whole answer")
    assert chat.draft_seen(telegram.clock.now()) is None


async def test_rich_messages_only_where_the_server_knows_them(telegram: FakeTelegram, ask: BotApi) -> None:
    rich = {"markdown": "# Disk full\n| a | b |"}
    assert await ask.refusal("sendRichMessage", chat_id=101, rich_message=rich) == "Not Found"
    telegram.server.knows_rich = True
    assert "rich_message" in await ask("sendRichMessage", chat_id=101, rich_message=rich)
    assert await ask("sendRichMessageDraft", chat_id=101, draft_id=1, rich_message=rich)
    both = {"markdown": "x", "html": "x"}
    assert "exactly one" in await ask.refusal("sendRichMessage", chat_id=101, rich_message=both)
    long = {"markdown": "x" * 32_769}
    assert "too long" in await ask.refusal("sendRichMessage", chat_id=101, rich_message=long)


async def test_a_button_spins_until_it_is_answered_once_and_in_time(telegram: FakeTelegram, ask: BotApi) -> None:
    await ask("sendMessage", chat_id=GROUP, text="card", reply_markup=keyboard([APPROVE]))
    card = telegram.hand.messages(GROUP)[0]
    query = telegram.hand.press(RESPONDER, card, "Approve")
    update = (await ask("getUpdates"))[0]["callback_query"]
    assert (update["data"], update["from"]["id"], update["message"]["message_id"]) == (query.data, 101, card.id)
    assert telegram.hand.spinning() == [query]
    assert "MESSAGE_TOO_LONG" in await ask.refusal("answerCallbackQuery", callback_query_id=query.id, text="x" * 201)
    assert await ask("answerCallbackQuery", callback_query_id=query.id, text="ok", show_alert=True)
    assert (query.answer, query.alert, telegram.hand.spinning()) == ("ok", True, [])
    assert "query is too old" in await ask.refusal("answerCallbackQuery", callback_query_id=query.id)
    late = telegram.hand.press(OUTSIDER, card, "Approve")
    telegram.clock.skip(16)
    assert "query is too old" in await ask.refusal("answerCallbackQuery", callback_query_id=late.id)
    assert "query ID is invalid" in await ask.refusal("answerCallbackQuery", callback_query_id="1")


async def test_a_stale_button_still_sends_its_data_and_a_gone_one_cannot_be_pressed(
    telegram: FakeTelegram, ask: BotApi
) -> None:
    sent = await ask("sendMessage", chat_id=GROUP, text="card", reply_markup=keyboard([APPROVE]))
    await ask("editMessageText", chat_id=GROUP, message_id=sent["message_id"], text="approved")
    card = telegram.hand.messages(GROUP)[0]
    with pytest.raises(AssertionError):
        telegram.hand.press(RESPONDER, card, "Approve")
    assert telegram.hand.press_stale(RESPONDER, card, "Approve").data == APPROVE["callback_data"]


async def test_updates_come_again_until_they_are_confirmed(telegram: FakeTelegram, ask: BotApi) -> None:
    for word in ("one", "two", "three"):
        telegram.hand.say(RESPONDER, 101, word)
    first = await ask("getUpdates", limit=2)
    assert [one["message"]["text"] for one in first] == ["one", "two"]
    assert len(await ask("getUpdates")) == 3
    assert [one["message"]["text"] for one in await ask("getUpdates", offset=first[1]["update_id"] + 1)] == ["three"]
    assert await ask("getUpdates", offset=first[1]["update_id"] + 2) == []
    again = telegram.hand.repeat(first[0]["update_id"])  # at least once: even a confirmed one
    assert await ask("getUpdates", offset=first[1]["update_id"] + 2) == [again]
    telegram.hand.say(RESPONDER, 101, "old")
    telegram.clock.skip(25 * 3600)
    assert await ask("getUpdates") == []


async def test_long_polling_waits_and_a_second_poller_ends_the_first(telegram: FakeTelegram, ask: BotApi) -> None:
    begun = time.monotonic()
    assert await ask("getUpdates", timeout=1) == []
    assert time.monotonic() - begun > 0.9
    first = asyncio.create_task(ask.refusal("getUpdates", timeout=10))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(ask("getUpdates", timeout=10))
    assert (await first).startswith("Conflict: terminated by other getUpdates request")
    telegram.hand.say(RESPONDER, 101, "hello")
    assert (await second)[0]["message"]["text"] == "hello"


async def test_polling_and_webhook_exclude_each_other(ask: BotApi) -> None:
    await ask("setWebhook", url="http://127.0.0.1:9/hook")
    assert (await ask.refusal("getUpdates")).startswith("Conflict: can't use getUpdates method while webhook is active")
    await ask("deleteWebhook")
    assert await ask("getUpdates") == []


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"url": "http://x.example/hook"}, "An HTTPS URL must be provided for webhook"),
        ({"url": "https://x.example:8000/hook"}, "only on ports 80, 88, 443 or 8443"),
        ({"url": "https://x.example/hook", "secret_token": "not allowed"}, "unallowed characters"),
        ({"url": "https://x.example/hook", "secret_token": "x" * 257}, "secret token is too long"),
        ({"url": "https://x.example/hook", "max_connections": 101}, "max_connections"),
    ],
)
async def test_a_webhook_has_an_https_address_and_a_plain_secret(
    ask: BotApi, given: dict[str, Any], refusal: str
) -> None:
    assert refusal in await ask.refusal("setWebhook", **given)


async def test_only_the_kinds_of_update_that_were_asked_for(telegram: FakeTelegram, ask: BotApi) -> None:
    await ask("getUpdates", allowed_updates=["callback_query"])
    telegram.hand.say(RESPONDER, 101, "unheard")
    assert await ask("getUpdates") == []
    await ask("getUpdates", allowed_updates=[])
    telegram.hand.say(RESPONDER, 101, "heard")
    assert len(await ask("getUpdates")) == 1


async def test_in_groups_with_privacy_only_what_is_meant_for_the_bot(telegram: FakeTelegram, ask: BotApi) -> None:
    telegram.world.group(-5, RESPONDER, OUTSIDER)
    await ask("sendMessage", chat_id=-5, text="page")
    page = telegram.hand.messages(-5)[0]
    assert telegram.hand.say(RESPONDER, -5, "talk among people") is None
    assert telegram.hand.say(RESPONDER, -5, "/ack@another_bot") is None
    assert telegram.hand.say(RESPONDER, -5, "/ack@nightshift_test_bot")
    assert telegram.hand.say(RESPONDER, -5, "@nightshift_test_bot why?")
    assert telegram.hand.say(RESPONDER, -5, "why?", reply_to=page)
    update = telegram.hand.say(RESPONDER, -5, "/ask why")
    assert update is not None
    assert update["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 4}]
    assert telegram.hand.say(RESPONDER, GROUP, "an administrator hears everything")


REAL = TelegramLimits()


@pytest.mark.parametrize("telegram", [REAL], indirect=True)
async def test_one_message_a_second_in_a_chat(telegram: FakeTelegram, ask: BotApi) -> None:
    await ask("sendMessage", chat_id=101, text="one")
    with pytest.raises(Refused) as refused:
        await ask("sendMessage", chat_id=101, text="two")
    assert (refused.value.code, refused.value.parameters) == (429, {"retry_after": 1})
    assert refused.value.description == "Too Many Requests: retry after 1"
    await ask("sendMessage", chat_id=GROUP, text="another chat is not delayed")
    assert (await ask.refusal("sendMessage", chat_id=101, text="two")).startswith("Too Many Requests")
    assert telegram.server.impatient == 1  # it asked again before its time
    telegram.clock.skip(1)
    await ask("sendMessage", chat_id=101, text="two")


@pytest.mark.parametrize("telegram", [replace(REAL, per_chat=Rate(100, 1.0))], indirect=True)
async def test_twenty_messages_and_edits_a_minute_in_a_group(telegram: FakeTelegram, ask: BotApi) -> None:
    sent = await ask("sendMessage", chat_id=GROUP, text="0")
    for number in range(1, 20):
        await ask("editMessageText", chat_id=GROUP, message_id=sent["message_id"], text=str(number))
    with pytest.raises(Refused) as refused:
        await ask("sendMessage", chat_id=GROUP, text="one too many")
    assert 55 <= refused.value.parameters["retry_after"] <= 60
    for number in range(10):
        await ask("sendMessage", chat_id=101, text=f"a private chat is no group {number}")
    telegram.clock.skip(60)
    await ask("sendMessage", chat_id=GROUP, text="now")


@pytest.mark.parametrize("telegram", [replace(REAL, per_chat=Rate(100, 1.0))], indirect=True)
async def test_thirty_messages_a_second_in_all(telegram: FakeTelegram, ask: BotApi) -> None:
    people = [Person(1000 + number, "somebody") for number in range(31)]
    for person in people:
        telegram.world.private(person)
    answers = await asyncio.gather(*(ask.post("sendMessage", json={"chat_id": p.id, "text": "x"}) for p in people))
    assert sorted(answer.status_code for answer in answers) == [200] * 30 + [429]


async def test_faults_by_name(telegram: FakeTelegram, ask: BotApi) -> None:
    async def status(fault: Fault, **how: Any) -> int:
        telegram.faults.arm(fault, "sendMessage", **how)
        return (await ask.post("sendMessage", json={"chat_id": 101, "text": str(fault)})).status_code

    assert await status(Fault.SERVER_ERROR) == 500
    assert await status(Fault.BAD_GATEWAY) == 502
    assert await status(Fault.UNAVAILABLE) == 503
    assert await status(Fault.UNAUTHORIZED) == 401
    assert await status(Fault.FORBIDDEN) == 403
    assert await status(Fault.GARBAGE) == 200
    assert telegram.hand.messages(101) == []  # none of these was done
    assert await status(Fault.SLOW, seconds=0.2) == 200
    assert len(telegram.hand.messages(101)) == 1


@pytest.mark.parametrize(
    ("fault", "done"), [(Fault.CUT_BEFORE, 0), (Fault.CUT_AFTER, 1), (Fault.HALF_ANSWER, 1), (Fault.HANG, 0)]
)
async def test_a_lost_answer_may_hide_a_deed(telegram: FakeTelegram, ask: BotApi, fault: Fault, done: int) -> None:
    telegram.faults.arm(fault)
    with pytest.raises(httpx.TransportError):
        await asyncio.wait_for(ask.post("sendMessage", json={"chat_id": 101, "text": "x"}, timeout=0.5), 5)
    assert len(telegram.hand.messages(101)) == done
    assert [call.told for call in telegram.calls.accepted("sendMessage")] == [False] * done
    await ask("sendMessage", chat_id=101, text="x")
    doubles = telegram.calls.doubles("sendMessage", lambda call: call.arguments["text"])
    assert doubles == ({"x": 2} if done else {})


async def test_a_long_rate_limit_holds_one_place_only(telegram: FakeTelegram, ask: BotApi) -> None:
    telegram.faults.arm(Fault.RATE_LIMITED, place=GROUP, for_s=30)
    with pytest.raises(Refused) as refused:
        await ask("sendMessage", chat_id=GROUP, text="x")
    assert refused.value.parameters == {"retry_after": 30}
    await ask("sendMessage", chat_id=101, text="x")
    telegram.clock.skip(20)
    with pytest.raises(Refused) as refused:
        await ask("sendMessage", chat_id=GROUP, text="x")
    assert refused.value.parameters == {"retry_after": 10}
    telegram.clock.skip(11)
    await ask("sendMessage", chat_id=GROUP, text="x")


async def test_telegram_goes_away_and_comes_back_as_it_was(telegram: FakeTelegram, ask: BotApi) -> None:
    telegram.hand.say(RESPONDER, 101, "before")
    await telegram.stop()
    with pytest.raises(httpx.ConnectError):
        await ask("getMe")
    await telegram.start()
    assert (await ask("getUpdates"))[0]["message"]["text"] == "before"


async def test_commands_and_small_things(telegram: FakeTelegram, ask: BotApi) -> None:
    await ask("setMyCommands", commands=[{"command": "incidents", "description": "what is open"}], language_code="zh")
    assert list(telegram.world.commands) == ["zh"]
    bad = [{"command": "On-Call", "description": "x"}]
    assert "BOT_COMMAND_INVALID" in await ask.refusal("setMyCommands", commands=bad)
    bad = [{"command": "oncall", "description": "x" * 257}]
    assert "BOT_COMMAND_DESCRIPTION_INVALID" in await ask.refusal("setMyCommands", commands=bad)
    assert await ask("sendChatAction", chat_id=101, action="typing")
    assert (await ask("getChatMember", chat_id=GROUP, user_id=101))["status"] == "member"
    assert "member not found" in await ask.refusal("getChatMember", chat_id=GROUP, user_id=202)
    sent = await ask("sendMessage", chat_id=101, text="x")
    said = await ask.refusal("sendMessage", chat_id=101, text="x", reply_parameters={"message_id": 999})
    assert said == "Bad Request: message to be replied not found"
    reply = await ask("sendMessage", chat_id=101, text="y", reply_parameters={"message_id": sent["message_id"]})
    assert reply["reply_to_message"]["message_id"] == sent["message_id"]


@pytest.mark.parametrize(
    ("method", "given", "refusal"),
    [
        ("sendMessage", {"text": {"a": 1}}, 'parameter "text" must be of type String'),
        ("sendMessage", {"text": "x", "message_thread_id": "x"}, 'parameter "message_thread_id" must be an Integer'),
        ("sendMessage", {"text": "x", "reply_parameters": "{"}, "can't parse reply_parameters JSON object"),
        ("sendMessage", {"text": "x", "entities": {"a": 1}}, "can't parse entities JSON object"),
        ("sendMessage", {"text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
        ("sendMessage", {"text": "x", "reply_markup": [1]}, "object expected as reply markup"),
        ("sendMessage", {"text": "x", "reply_markup": {"inline_keyboard": [APPROVE]}}, "must be an Array of Arrays"),
        ("sendMessage", {"text": "x", "reply_markup": {"inline_keyboard": [["A"]]}}, "expected an Object"),
        ("sendMessage", {"text": "x", "reply_markup": keyboard([{"text": "A", "disabled": True}])}, "type Object"),
        ("sendRichMessage", {"rich_message": "words"}, "can't parse rich_message JSON object"),
        ("sendRichMessage", {}, "rich message must be specified"),
        ("sendChatAction", {"action": "juggle"}, "wrong parameter action"),
        ("setMessageReaction", {"message_id": 9, "reaction": []}, "message to react not found"),
        ("editForumTopic", {"chat_id": GROUP, "message_thread_id": 9, "name": "x"}, "TOPIC_ID_INVALID"),
    ],
)
async def test_malformed_arguments(
    telegram: FakeTelegram, ask: BotApi, method: str, given: dict[str, Any], refusal: str
) -> None:
    telegram.server.knows_rich = True
    assert refusal in await ask.refusal(method, **{"chat_id": 101} | given)


async def test_topics_close_are_renamed_and_go(telegram: FakeTelegram, ask: BotApi) -> None:
    thread = (await ask("createForumTopic", chat_id=GROUP, name="disk"))["message_thread_id"]
    this = {"chat_id": GROUP, "message_thread_id": thread}
    assert await ask("editForumTopic", **this, name="disk: healed")
    assert "TOPIC_TITLE_TOO_LONG" in await ask.refusal("editForumTopic", **this, name="x" * 129)
    assert await ask("closeForumTopic", **this)
    await ask("sendMessage", **this, text="an administrator may still write")
    telegram.world.chats[GROUP].standing = Standing.MEMBER
    assert "TOPIC_CLOSED" in await ask.refusal("sendMessage", **this, text="a member may not")
    telegram.world.chats[GROUP].standing = Standing.ADMINISTRATOR
    assert await ask("reopenForumTopic", **this)
    assert await ask("deleteForumTopic", **this)
    assert telegram.hand.messages(GROUP) == []
    assert "message thread not found" in await ask.refusal("sendMessage", **this, text="x")


async def test_a_document_has_no_text_to_edit_and_an_answer_no_link(telegram: FakeTelegram, ask: BotApi) -> None:
    files = {"document": ("run.log", b"line\n", "text/plain")}
    sent = (await ask.post("sendDocument", data={"chat_id": "101"}, files=files)).json()["result"]
    this = {"chat_id": 101, "message_id": sent["message_id"]}
    assert "there is no text in the message to edit" in await ask.refusal("editMessageText", **this, text="x")
    await ask("editMessageReplyMarkup", **this, reply_markup=keyboard([APPROVE]))
    query = telegram.hand.press(RESPONDER, telegram.hand.messages(101)[0], "Approve")
    link = {"callback_query_id": query.id, "url": "https://x.example"}
    assert "URL_INVALID" in await ask.refusal("answerCallbackQuery", **link)
    reactions = [{"type": "emoji", "emoji": "👍"}, {"type": "emoji", "emoji": "👎"}]
    assert "REACTIONS_TOO_MANY" in await ask.refusal("setMessageReaction", **this, reaction=reactions)
    assert await ask("setMessageReaction", **this, reaction=reactions[:1])


async def test_pending_updates_can_be_dropped(telegram: FakeTelegram, ask: BotApi) -> None:
    for method, given in (("setWebhook", {"url": "http://127.0.0.1:9/hook"}), ("deleteWebhook", {})):
        telegram.hand.say(RESPONDER, 101, "old")
        await ask(method, **given, drop_pending_updates=True)
        assert telegram.server.updates.pending == []


@pytest.mark.parametrize("telegram", [replace(REAL, overall=Rate(2, 1.0))], indirect=True)
async def test_drafts_count_for_the_bot_as_a_whole(ask: BotApi) -> None:
    for _ in range(2):
        await ask("sendMessageDraft", chat_id=101, draft_id=1, text="x")
    assert (await ask.refusal("sendMessageDraft", chat_id=101, draft_id=1, text="x")).startswith("Too Many Requests")
