"""Methods about messages: send, edit, delete, documents, drafts."""

from typing import Any

from tests.fakes.request_body import Upload
from tests.fakes.telegram_arguments import Arguments, Formatted, formatted
from tests.fakes.telegram_keyboard import read_keyboard
from tests.fakes.telegram_rules import (
    CAPTION_UNITS_MAX,
    DOCUMENT_BYTES_MAX,
    RICH_BLOCKS_MAX,
    RICH_UNITS_MAX,
    TEXT_UNITS_MAX,
    bad,
    units,
)
from tests.fakes.telegram_server import Server
from tests.fakes.telegram_state import BOT, Chat, Message

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)


async def send_message(server: Server, arguments: Arguments) -> dict[str, Any]:
    """sendMessage."""
    chat, message = _prepared(server, arguments, _whole_text(arguments))
    return _posted(server, chat, message)


async def send_document(server: Server, arguments: Arguments) -> dict[str, Any]:
    """sendDocument: uploads only, in the field itself or attached under another name."""
    caption = formatted(arguments, "caption", "caption_entities")
    if units(caption.text) > CAPTION_UNITS_MAX:
        raise bad("message caption is too long")
    given = arguments.given.get("document")
    upload = arguments.given.get(given.removeprefix("attach://")) if isinstance(given, str) else given
    if not isinstance(upload, Upload):
        raise bad("there is no document in the request")
    if not upload.content:
        raise bad("file must be non-empty")
    if len(upload.content) > DOCUMENT_BYTES_MAX:
        raise bad("file is too big")
    chat, message = _prepared(server, arguments, caption)
    message.content = upload.content
    message.document = {
        "file_id": f"file-{chat.id}-{message.id}",
        "file_unique_id": f"unique-{chat.id}-{message.id}",
        "file_name": upload.name,
        "file_size": len(upload.content),
    }
    return _posted(server, chat, message)


async def send_rich_message(server: Server, arguments: Arguments) -> dict[str, Any]:
    """sendRichMessage, where the server knows it."""
    rich = _rich(arguments)
    chat, message = _prepared(server, arguments, Formatted(str(rich.get("markdown") or rich.get("html") or "")))
    message.rich = rich
    return _posted(server, chat, message)


async def send_message_draft(server: Server, arguments: Arguments) -> bool:
    """sendMessageDraft: a preview that vanishes by itself."""
    chat = _draft_chat(server, arguments)
    text = formatted(arguments).text
    if units(text) > TEXT_UNITS_MAX:
        raise bad("message is too long")
    return _drafted(server, chat, arguments, text)


async def send_rich_message_draft(server: Server, arguments: Arguments) -> bool:
    """sendRichMessageDraft."""
    rich = _rich(arguments)
    return _drafted(server, _draft_chat(server, arguments), arguments, str(rich.get("markdown") or rich.get("html")))


async def edit_message_text(server: Server, arguments: Arguments) -> dict[str, Any]:
    """editMessageText. Without a keyboard in the request the old one goes."""
    message = _editable(server, arguments)
    new = _whole_text(arguments)
    keyboard = read_keyboard(arguments.given.get("reply_markup"))
    if (message.text, message.entities, message.keyboard) == (new.text, new.entities, keyboard):
        raise bad(NOT_MODIFIED)
    if message.document:
        raise bad("there is no text in the message to edit")
    message.past_texts.append(message.text)
    message.past_keyboards.append(message.keyboard)
    message.text, message.entities, message.keyboard = new.text, new.entities, keyboard
    return _edited(server, message)


async def edit_message_reply_markup(server: Server, arguments: Arguments) -> dict[str, Any]:
    """editMessageReplyMarkup."""
    message = _editable(server, arguments)
    keyboard = read_keyboard(arguments.given.get("reply_markup"))
    if message.keyboard == keyboard:
        raise bad(NOT_MODIFIED)
    message.past_keyboards.append(message.keyboard)
    message.keyboard = keyboard
    return _edited(server, message)


async def delete_message(server: Server, arguments: Arguments) -> bool:
    """deleteMessage: the bot's own, for 48 hours."""
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    message = chat.own_message(arguments.number("message_id"), "delete")
    if server.clock.now() - message.date > server.limits.delete_s:
        raise bad("message can't be deleted for everyone")
    del chat.messages[message.id]
    return True


async def set_message_reaction(server: Server, arguments: Arguments) -> bool:
    """setMessageReaction."""
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    number = arguments.number("message_id")
    if number not in chat.messages:
        raise bad("message to react not found")
    reaction = arguments.json("reaction") or []
    if len(reaction) > 1:
        raise bad("REACTIONS_TOO_MANY")
    server.world.reactions.append((chat.id, number, reaction))
    return True


def _whole_text(arguments: Arguments) -> Formatted:
    new = formatted(arguments)
    if not new.text:
        raise bad("message text is empty")
    if units(new.text) > TEXT_UNITS_MAX:
        raise bad("message is too long")
    return new


def _prepared(server: Server, arguments: Arguments, content: Formatted) -> tuple[Chat, Message]:
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    keyboard = read_keyboard(arguments.given.get("reply_markup"))
    thread = chat.thread_for(arguments.number("message_thread_id"))
    reply_to = _reply_to(chat, arguments)
    server.spend(chat)
    now = int(server.clock.now())
    message = Message(chat.next_id(), chat.id, BOT, now, content.text, content.entities, keyboard, thread, reply_to)
    return chat, message


def _reply_to(chat: Chat, arguments: Arguments) -> int | None:
    parameters = arguments.json("reply_parameters") or {}
    number = parameters.get("message_id") or arguments.number("reply_to_message_id")
    if number is None or number in chat.messages:
        return int(number) if number else None
    if parameters.get("allow_sending_without_reply") or arguments.flag("allow_sending_without_reply"):
        return None
    raise bad("message to be replied not found")


def _posted(server: Server, chat: Chat, message: Message) -> dict[str, Any]:
    chat.messages[message.id] = message
    chat.drafts.clear()  # a message ends every draft
    return server.world.form(message)


def _editable(server: Server, arguments: Arguments) -> Message:
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    message = chat.own_message(arguments.number("message_id"), "edit")
    server.spend(chat)
    return message


def _edited(server: Server, message: Message) -> dict[str, Any]:
    message.edited = int(server.clock.now())
    return server.world.form(message)


def _draft_chat(server: Server, arguments: Arguments) -> Chat:
    chat = server.world.chat(arguments.given.get("chat_id"))
    chat.open_to_bot()
    if chat.kind != "private":
        raise bad("TEXTDRAFT_PEER_INVALID")
    chat.thread_for(arguments.number("message_thread_id"))
    if not arguments.number("draft_id"):
        raise bad("RANDOM_ID_INVALID")
    return chat


def _drafted(server: Server, chat: Chat, arguments: Arguments, text: str) -> bool:
    server.spend_overall()
    number = arguments.number("draft_id") or 0
    chat.drafts = {number: (server.clock.now() + server.limits.draft_s, text)}
    return True


def _rich(arguments: Arguments) -> dict[str, Any]:
    rich = arguments.json("rich_message")
    if not isinstance(rich, dict):
        raise bad("rich message must be specified")
    contents = [name for name in ("markdown", "html", "blocks") if rich.get(name)]
    if len(contents) != 1:
        raise bad("exactly one of markdown, html and blocks must be specified in a rich message")
    content = rich[contents[0]]
    if len(content) > RICH_BLOCKS_MAX if contents == ["blocks"] else units(content) > RICH_UNITS_MAX:
        raise bad("rich message is too long")
    return rich
