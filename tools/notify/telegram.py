"""Telegram's voice: a topic for each incident where the group has topics, a thread of replies where it has not."""

from collections.abc import Mapping
from time import monotonic

import structlog
from aiogram.methods import CreateForumTopic, EditMessageText, GetChat, GetMe, SendDocument, SendMessage
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
    User,
)

from core.canonical import sha256
from core.message import Message
from core.plain_text import storable, visible
from core.site import Channel
from tools.notify.telegram_form import TOPIC_UNITS_MAX, Form, cut_units, form_of
from tools.notify.telegram_line import (
    PATIENCE_S,
    TIMEOUT_S,
    Line,
    Unformed,
    chat_id,
    is_no_forum,
    is_unmodified,
    number,
    ref_in,
)
from tools.notify.telegram_stream import DraftStream, EditedStream
from tools.notify.voice import Gone, Place, Stream, Undeliverable

log = structlog.get_logger(__name__)
NO_TOPICS_S = 600.0
REMEMBERED_MAX = 1_000
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


def open_voice(channel: Channel, environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> "TelegramVoice":
    """The voice of a channel; `channel.url` is another Bot API server. Raises Undeliverable without a token."""
    token = environ.get(channel.token_env, "")
    if not token:
        named = channel.token_env or "token_env of the channel"
        raise Undeliverable(f"Channel {channel.id}: set {named} to the bot's token, which @BotFather gives.")
    return TelegramVoice(Line(token, channel.url, timeout_s=timeout_s), channel.chat)


class TelegramVoice:
    """`tools.notify.voice.Voice` for one bot. What a try did before it failed is remembered, so that the next one
    goes on from there: a topic without its first message, a message without its file."""

    def __init__(self, line: Line, home: str = "") -> None:
        self.line = line
        self._home = home
        self._no_topics: dict[str, float] = {}
        self._done: dict[str, str] = {}
        self._me: User | None = None

    async def open_thread(self, chat: str, title: str, first: Message) -> Place:
        """A topic named like the incident and the message in it; without topics the message that others reply to."""
        name = cut_units(visible(storable(title)).strip(), TOPIC_UNITS_MAX) or "incident"
        key = sha256(["topic", chat, name])
        thread = self._done.get(key, "")
        if not thread and (thread := await self._topic(chat, name)):
            self._remember(key, thread)
        root = await self._send(Place(chat, thread), first, patience_s=PATIENCE_S)
        self._done.pop(key, None)
        return Place(chat, thread, root)

    async def post(self, place: Place, message: Message) -> str:
        """A message in the topic, or in reply to the root; its id. Long output follows it as a file."""
        return await self._send(place, message)

    async def edit(self, place: Place, ref: str, message: Message) -> None:
        """Replace text and buttons. A file cannot be replaced: one with other content follows."""
        form = form_of(message)
        try:
            await self._edit(place, ref, form)
        except Unformed as error:
            log.warning("telegram.sent_plain", chat=place.chat, detail=error.detail)
            await self._edit(place, ref, Form(form.text))
        await self._attach(place, ref, form)

    def stream(self, place: Place, *, asked_by: str = "") -> Stream:
        """Drafts in a private chat, a message that is edited now and then in a group."""
        if place.chat.isdigit():
            return DraftStream(self, self.line, place)
        return EditedStream(self, place)

    async def check(self) -> str:
        """The bot's name, after a look whether it may see the channel's chat."""
        me = await self.me()
        if self._home:
            await self.line.call(self._home, GetChat(chat_id=chat_id(self._home)))
        return f"@{me.username}"

    async def me(self) -> User:
        """Who the bot is; asked once."""
        if self._me is None:
            self._me = await self.line.call("", GetMe())
        return self._me

    async def close(self) -> None:
        """Give the connections back."""
        await self.line.close()

    async def _topic(self, chat: str, name: str) -> str:
        """The id of a new topic, empty where the chat has none."""
        if not self.line.moved.get(chat, chat).startswith("-100") or monotonic() < self._no_topics.get(chat, 0.0):
            return ""
        try:
            made = await self.line.call(chat, CreateForumTopic(chat_id=chat_id(chat), name=name), patience_s=PATIENCE_S)
        except Unformed as error:
            # Whatever the reason is, the page goes out; replies do for a thread.
            if not is_no_forum(error):
                fix = "make the bot an administrator who may manage topics"
                log.warning("telegram.no_topics", chat=chat, detail=error.detail, fix=fix)
            self._no_topics[chat] = monotonic() + NO_TOPICS_S
            return ""
        return str(made.message_thread_id)

    async def _send(self, place: Place, message: Message, *, patience_s: float = 0.0) -> str:
        form = form_of(message)
        if form.file is None:
            return await self._say(place, form, patience_s)
        key = sha256(["file", place.chat, place.thread, place.root, form.text, form.file[0], form.file[1].decode()])
        ref = self._done.get(key) or await self._say(place, form, patience_s)
        self._remember(key, ref)
        await self._attach(place, ref, form)
        self._done.pop(key, None)
        return ref

    async def _attach(self, place: Place, ref: str, form: Form) -> None:
        """The file of a message, once for each content, in reply to it."""
        if form.file is None:
            return
        key = sha256(["sent", place.chat, ref, form.file[0], form.file[1].decode()])
        if key in self._done:
            return
        document = SendDocument(
            chat_id=chat_id(place.chat),
            message_thread_id=number(place.thread),
            document=BufferedInputFile(form.file[1], form.file[0]),
            reply_parameters=_reply(ref),
        )
        await self.line.call(place.chat, document, patience_s=PATIENCE_S)
        self._remember(key, ref)

    async def _say(self, place: Place, form: Form, patience_s: float) -> str:
        try:
            return await self._say_once(place, form, patience_s)
        except Unformed as error:
            if not (form.entities or form.keyboard):
                raise
            # A page without its buttons is better than none.
            log.warning("telegram.sent_plain", chat=place.chat, detail=error.detail)
            return await self._say_once(place, Form(form.text), patience_s)
        except Gone:
            # Where a group has no topics, what was answered to is a message.
            if place.root or not place.thread:
                raise
            return await self._say_once(Place(place.chat, root=place.thread), form, patience_s)

    async def _say_once(self, place: Place, form: Form, patience_s: float) -> str:
        message = SendMessage(
            chat_id=chat_id(place.chat),
            message_thread_id=number(place.thread),
            text=form.text,
            entities=_entities(form),
            link_preview_options=NO_PREVIEW,
            reply_parameters=None if place.thread else _reply(place.root),
            reply_markup=_markup(form),
        )
        sent = await self.line.call(place.chat, message, patience_s=patience_s)
        moved_to = self.line.moved.get(place.chat, "")
        return ref_in(moved_to, sent.message_id) if moved_to else str(sent.message_id)

    async def _edit(self, place: Place, ref: str, form: Form) -> None:
        edited = EditMessageText(
            chat_id=chat_id(ref.rpartition("/")[0] or place.chat),
            message_id=number(ref),
            text=form.text,
            entities=_entities(form),
            link_preview_options=NO_PREVIEW,
            reply_markup=_markup(form),
        )
        try:
            await self.line.call(place.chat, edited)
        except Unformed as error:
            if not is_unmodified(error):
                raise

    def _remember(self, key: str, what: str) -> None:
        if len(self._done) >= REMEMBERED_MAX:
            self._done.pop(next(iter(self._done)))
        self._done[key] = what


def _entities(form: Form) -> list[MessageEntity] | None:
    return [MessageEntity(**one) for one in form.entities] or None


def _markup(form: Form) -> InlineKeyboardMarkup | None:
    if not form.keyboard:
        return None
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(**one) for one in row] for row in form.keyboard])


def _reply(ref: str) -> ReplyParameters | None:
    found = number(ref)
    return ReplyParameters(message_id=found, allow_sending_without_reply=True) if found else None
