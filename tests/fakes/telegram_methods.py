"""Every method the fake knows, by name, and those about the bot itself, its updates, buttons and topics."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.fakes import telegram_messages as messages
from tests.fakes.telegram_arguments import Arguments
from tests.fakes.telegram_rules import (
    CALLBACK_ANSWER_UNITS_MAX,
    COMMAND_DESCRIPTION_UNITS_MAX,
    COMMANDS_MAX,
    SECRET_UNITS_MAX,
    TOPIC_COLOURS,
    TOPIC_NAME_UNITS_MAX,
    bad,
    units,
)
from tests.fakes.telegram_server import Server
from tests.fakes.telegram_state import BOT, BOT_ID, Chat, Standing, Topic
from tests.fakes.telegram_updates import Webhook

Method = Callable[[Server, Arguments], Awaitable[Any]]
PORTS = frozenset({80, 88, 443, 8443})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


async def get_me(server: Server, _: Arguments) -> dict[str, Any]:
    """getMe."""
    return BOT.form() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not server.privacy,
        "supports_inline_queries": False,
    }


async def set_webhook(server: Server, arguments: Arguments) -> bool:
    """setWebhook. Loopback may do without HTTPS and with any port, nothing else may."""
    url, secret = arguments.text("url"), arguments.text("secret_token")
    parts = urlsplit(url)
    if url and parts.hostname not in LOOPBACK:
        if parts.scheme != "https":
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if (parts.port or 443) not in PORTS:
            raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if units(secret) > SECRET_UNITS_MAX:
        raise bad("secret token is too long")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]+", secret):
        raise bad("secret token contains unallowed characters")
    if not 1 <= (arguments.number("max_connections") or 40) <= 100:
        raise bad("max_connections must be between 1 and 100")
    subscribe(server, arguments)
    if arguments.flag("drop_pending_updates"):
        server.updates.pending.clear()
    server.updates.webhook = Webhook(url, secret)
    server.updates.wake()
    return True


async def delete_webhook(server: Server, arguments: Arguments) -> bool:
    """deleteWebhook."""
    if arguments.flag("drop_pending_updates"):
        server.updates.pending.clear()
    server.updates.webhook = Webhook()
    server.updates.wake()
    return True


async def get_webhook_info(server: Server, _: Arguments) -> dict[str, Any]:
    """getWebhookInfo."""
    webhook = server.updates.webhook
    form: dict[str, Any] = {"url": webhook.url, "has_custom_certificate": False}
    form |= {"pending_update_count": len(server.updates.pending)}
    if webhook.last_error:
        form |= {"last_error_date": webhook.last_error_at, "last_error_message": webhook.last_error}
    return form


async def answer_callback_query(server: Server, arguments: Arguments) -> bool:
    """answerCallbackQuery: once, and in time."""
    query = server.world.queries.get(arguments.text("callback_query_id"))
    too_late = query is None or server.clock.now() - query.at > server.limits.callback_answer_s
    if query is None or too_late or query.answer is not None:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    text = arguments.text("text")
    if units(text) > CALLBACK_ANSWER_UNITS_MAX:
        raise bad("MESSAGE_TOO_LONG")
    if arguments.has("url"):
        raise bad("URL_INVALID")  # only for games
    query.answer, query.alert = text, arguments.flag("show_alert")
    return True


async def create_forum_topic(server: Server, arguments: Arguments) -> dict[str, Any]:
    """createForumTopic."""
    chat = _forum(server, arguments)
    name, colour = arguments.text("name").strip(), arguments.number("icon_color")
    if not 1 <= units(name) <= TOPIC_NAME_UNITS_MAX:
        raise bad("TOPIC_TITLE_EMPTY" if not name else "TOPIC_TITLE_TOO_LONG")
    if colour is not None and colour not in TOPIC_COLOURS:
        raise bad("TOPIC_ICON_COLOR_INVALID")
    server.spend(chat)  # making a topic writes a message into the chat
    topic = Topic(chat.next_id(), name)
    chat.topics[topic.id] = topic
    return {"message_thread_id": topic.id, "name": name, "icon_color": colour or 0x6FB9F0}


async def edit_forum_topic(server: Server, arguments: Arguments) -> bool:
    """editForumTopic."""
    topic = _topic(server, arguments)
    name = arguments.text("name").strip()
    if units(name) > TOPIC_NAME_UNITS_MAX:
        raise bad("TOPIC_TITLE_TOO_LONG")
    if name == topic.name:
        raise bad("TOPIC_NOT_MODIFIED")
    topic.name = name or topic.name
    return True


async def close_forum_topic(server: Server, arguments: Arguments) -> bool:
    """closeForumTopic."""
    return _turn(_topic(server, arguments), closed=True)


async def reopen_forum_topic(server: Server, arguments: Arguments) -> bool:
    """reopenForumTopic."""
    return _turn(_topic(server, arguments), closed=False)


async def delete_forum_topic(server: Server, arguments: Arguments) -> bool:
    """deleteForumTopic: with all its messages."""
    chat, topic = _forum(server, arguments), _topic(server, arguments)
    del chat.topics[topic.id]
    chat.messages = {number: one for number, one in chat.messages.items() if one.thread != topic.id}
    return True


async def get_chat(server: Server, arguments: Arguments) -> dict[str, Any]:
    """getChat."""
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    full = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
    return chat.form() | full


async def get_chat_member(server: Server, arguments: Arguments) -> dict[str, Any]:
    """getChatMember: member, left, or what the bot is itself."""
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    number = arguments.number("user_id")
    if number == BOT_ID:
        return member_form(chat)
    if number not in chat.people:
        raise bad("member not found")
    return {"status": "member", "user": chat.people[number].form()}


async def send_chat_action(server: Server, arguments: Arguments) -> bool:
    """sendChatAction."""
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    if arguments.text("action") not in ("typing", "upload_document"):
        raise bad("wrong parameter action in request")
    return True


async def set_my_commands(server: Server, arguments: Arguments) -> bool:
    """setMyCommands."""
    commands = arguments.json("commands") or []
    if len(commands) > COMMANDS_MAX:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for one in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", one.get("command", "").removeprefix("/")):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= units(one.get("description", "")) <= COMMAND_DESCRIPTION_UNITS_MAX:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    scope = arguments.json("scope") or {}
    place = f"{scope['chat_id']}:" if scope.get("type") == "chat" else ""
    server.world.commands[place + arguments.text("language_code")] = commands
    return True


async def accept_quietly(_: Server, __: Arguments) -> bool:
    """Methods without a rule of their own."""
    return True


def member_form(chat: Chat) -> dict[str, Any]:
    """What the bot is in a chat, as a ChatMember object."""
    if chat.standing is not Standing.ADMINISTRATOR:
        form: dict[str, Any] = {"status": str(chat.standing), "user": BOT.form()}
        return form | ({"until_date": 0} if chat.standing is Standing.KICKED else {})
    rights = (
        "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
        "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
        "can_delete_stories", "can_be_edited",
    )  # fmt: skip
    form = {"status": "administrator", "user": BOT.form(), "can_manage_topics": chat.may_make_topics}
    return form | dict.fromkeys(rights, False)


def subscribe(server: Server, arguments: Arguments) -> None:
    """What kinds of update the bot wants from now on, where the request says so."""
    if (kinds := arguments.json("allowed_updates")) is not None:
        server.updates.listen(kinds)


def _forum(server: Server, arguments: Arguments) -> Chat:
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    if not chat.forum:
        raise bad("the chat is not a forum")
    if not chat.may_make_topics or chat.standing is not Standing.ADMINISTRATOR:
        raise bad("not enough rights to create a topic")
    return chat


def _topic(server: Server, arguments: Arguments) -> Topic:
    topic = _forum(server, arguments).topics.get(arguments.number("message_thread_id") or 0)
    if topic is None:
        raise bad("TOPIC_ID_INVALID")
    return topic


def _turn(topic: Topic, *, closed: bool) -> bool:
    if topic.closed == closed:
        raise bad("TOPIC_NOT_MODIFIED")
    topic.closed = closed
    return True


METHODS: Mapping[str, Method] = {
    "getme": get_me,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "sendmessage": messages.send_message,
    "senddocument": messages.send_document,
    "sendmessagedraft": messages.send_message_draft,
    "editmessagetext": messages.edit_message_text,
    "editmessagereplymarkup": messages.edit_message_reply_markup,
    "deletemessage": messages.delete_message,
    "setmessagereaction": messages.set_message_reaction,
    "answercallbackquery": answer_callback_query,
    "createforumtopic": create_forum_topic,
    "editforumtopic": edit_forum_topic,
    "closeforumtopic": close_forum_topic,
    "reopenforumtopic": reopen_forum_topic,
    "deleteforumtopic": delete_forum_topic,
    "getchat": get_chat,
    "getchatmember": get_chat_member,
    "sendchataction": send_chat_action,
    "setmycommands": set_my_commands,
    "deletemycommands": accept_quietly,
    "pinchatmessage": accept_quietly,
    "unpinchatmessage": accept_quietly,
    "close": accept_quietly,
    "logout": accept_quietly,
}
RICH_METHODS: Mapping[str, Method] = {
    "sendrichmessage": messages.send_rich_message,
    "sendrichmessagedraft": messages.send_rich_message_draft,
}
