"""What the desk is told and how its answer is shown: a note on the button, a question to reply to, or a message."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import structlog
from aiogram.methods import AnswerCallbackQuery, SendChatAction, SendMessage
from aiogram.types import ForceReply, MessageEntity, ReplyParameters, Update, User

from api.telegram import TelegramBot
from api.telegram_crowd import Crowd
from api.telegram_update import Pressed, Wrote, read_update
from core.desk import Command, Done, Refusal
from core.errors import NightshiftError
from core.message import Message
from core.plain_text import cut, storable, visible
from core.site import Channel
from engine import desk
from engine.desk_form import Click, Form, FormKind, Ordered, Said
from engine.house import House
from store import tickets
from store.identities import Account
from store.pool import Row
from tools.notify.telegram import TelegramVoice
from tools.notify.telegram_form import cut_units, units
from tools.notify.telegram_line import chat_id, number, ref_in
from tools.notify.voice import Place, patiently

log = structlog.get_logger(__name__)

PLATFORM = "telegram"
SPIN_S = 2.0  # how long a button may spin before it is answered without the outcome
PATIENCE_S = 15.0
KEPT_WITHIN_S, LOOK_AGAIN_S = 5.0, 0.1
NOTE_UNITS_MAX = 200
NAME_CHARS_MAX = 60
HINT_UNITS_MAX = 64
LINES_UNITS_MAX = 3_000
ANSWERS_MAX = 200
"""Answers that wait for Telegram at the same time."""
TO_ANYBODY = frozenset({Refusal.NOT_LINKED, Refusal.OTHER_CHAT, Refusal.NO_SUCH_COMMAND, Refusal.NOT_HERE,
                        Refusal.NO_CODE, "code_no_good", "too_many_tries"})  # fmt: skip
"""What a stranger may be told, so that there is an end to it."""


@dataclass(frozen=True, slots=True)
class Where:
    """A chat as the site describes it, and where it has moved to since, if it has."""

    channel: Channel
    chat: str
    moved_to: str = ""

    def called(self, ref: str) -> str:
        """How a message there is called everywhere but at Telegram."""
        return ref_in(self.moved_to, ref) if self.moved_to and ref else ref


@dataclass(frozen=True, slots=True)
class Hearing:
    """Everything that one bot hears goes through here, whichever way it came.

    `answers` are being told: what Telegram will not take yet is no reason for the next person to wait.
    """

    house: House
    bot: TelegramBot
    voice: TelegramVoice
    me: User
    crowd: Crowd
    answers: set[asyncio.Task[None]] = field(default_factory=set)

    async def hear(self, update: Update) -> None:
        """Have the desk deal with one update, and begin to answer. Safe to repeat: the desk knows what it has heard."""
        said = read_update(update, self.me)
        if isinstance(said, Pressed):
            await self._press(said)
        elif said is not None:
            await self._read(said)

    async def _press(self, pressed: Pressed) -> None:
        where = await self._where(pressed.chat)
        click = Click(
            account=self._account(pressed.account),
            channel=where.channel.id,
            chat=where.chat,
            ref=where.called(pressed.ref),
            ticket=pressed.ticket,
            verb=pressed.verb,
            delivery=pressed.query,
            language=pressed.language,
        )
        work = asyncio.create_task(desk.press(self.house, click))
        self._begin(self._tell(where, pressed, work))
        await asyncio.wait({work})

    async def _tell(self, where: "Where", pressed: Pressed, work: "asyncio.Task[Said]") -> None:
        """What came of a button, as soon as it is known."""
        in_time, _ = await asyncio.wait({work}, timeout=SPIN_S)
        noted = await self._stop_spinning(pressed.query, work.result() if in_time else None)
        said = await work
        place = Place(pressed.chat, pressed.topic, pressed.ref)
        if said.form is not None:
            await self._ask(place, where, pressed, said.form)
        elif said.message is not None or not (noted or said.reason == Refusal.REPEATED):
            await self._answer(place, said)

    async def _stop_spinning(self, query: str, said: Said | None) -> bool:
        """Answer the button; did the person read the outcome by that?"""
        text = cut_units(visible(said.words), NOTE_UNITS_MAX) if said else None
        try:
            await self.voice.line.call(
                "", AnswerCallbackQuery(callback_query_id=query, text=text, show_alert=bool(said and said.alert))
            )
        except NightshiftError as error:  # answered before, or too late: what was pressed counts all the same
            log.info("telegram.not_answered", error=error.detail)
            return False
        return said is not None

    async def _read(self, wrote: Wrote) -> None:
        if self.crowd.is_loud(wrote.account) and wrote.command != Command.STOP:
            return
        where = await self._where(wrote.chat)
        is_answer = bool(wrote.answers) and wrote.is_asked and not wrote.command
        said = await self._asked_for(where, wrote) if is_answer else None
        if said is None:
            ordered = Ordered(
                account=self._account(wrote.account),
                channel=where.channel.id,
                chat=where.chat,
                thread=wrote.topic or where.called(wrote.answers),
                name=wrote.command,
                text=wrote.text,
                delivery=f"{wrote.chat}:{wrote.ref}",
                language=wrote.language,
            )
            said = await desk.order(self.house, ordered)
        if said.reason == Refusal.REPEATED:
            return
        if said.reason == Done.ASKED:
            self._begin(self._type(wrote))
        elif not (wrote.command == Command.HELP or said.reason in TO_ANYBODY) or self.crowd.may_answer():
            self._begin(self._answer(Place(wrote.chat, wrote.topic, wrote.ref), said))

    def _begin(self, telling: Coroutine[Any, Any, None]) -> None:
        if len(self.answers) >= ANSWERS_MAX:
            log.warning("telegram.not_told", error=f"{ANSWERS_MAX} answers wait already")
            telling.close()
            return
        task = asyncio.create_task(telling)
        self.answers.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.answers.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("telegram.answer_broken", error=repr(error), exc_info=error)

    async def _asked_for(self, where: "Where", wrote: Wrote) -> Said | None:
        """The words that a button needed, if this message answers our question for them."""
        question = where.called(wrote.answers)
        until = monotonic() + (KEPT_WITHIN_S if wrote.is_quick else 0.0)
        while (ticket := await self._question(where, question)) is None:
            if monotonic() >= until:
                return None
            await asyncio.sleep(LOOK_AGAIN_S)  # who is quick sees the question before it is kept what it is about
        click = Click(
            account=self._account(wrote.account),
            channel=where.channel.id,
            chat=where.chat,
            ref=question,
            ticket=ticket["ticket"],
            verb=ticket["verb"],
            text=wrote.text,
            delivery=f"{wrote.chat}:{wrote.ref}",
            language=wrote.language,
        )
        return await desk.press(self.house, click)

    async def _question(self, where: "Where", ref: str) -> Row | None:
        async with self.house.store.begin() as conn:
            return await tickets.question(conn, where.channel.id, where.chat, ref)

    async def _ask(self, place: Place, where: "Where", pressed: Pressed, form: Form) -> None:
        """Ask for words by a message to reply to. Only the person who pressed is led to reply."""
        name = cut(visible(storable(pressed.name)).strip(), NAME_CHARS_MAX) or "?"
        text = f"{name}: {form.title}"
        entities = [MessageEntity(type="text_mention", offset=0, length=units(name), user=_user(pressed, name))]
        if form.kind is FormKind.EDIT:
            lines = "\n".join(f"{one.name}={visible(storable(one.value))}" for one in form.fields if one.value)
            lines = cut_units(lines, LINES_UNITS_MAX)
            if lines:
                entities.append(MessageEntity(type="pre", offset=units(text) + 1, length=units(lines)))
                text = f"{text}\n{lines}"
        question = SendMessage(
            chat_id=chat_id(place.chat),
            message_thread_id=number(place.thread),
            text=text,
            entities=entities,
            reply_parameters=ReplyParameters(message_id=int(place.root), allow_sending_without_reply=True),
            reply_markup=ForceReply(
                force_reply=True, selective=True, input_field_placeholder=cut_units(form.title, HINT_UNITS_MAX)
            ),
        )
        try:
            sent = await self.voice.line.call(place.chat, question, patience_s=PATIENCE_S)
        except NightshiftError as error:
            log.warning("telegram.not_asked", chat=place.chat, error=error.detail)
            return
        async with self.house.store.begin() as conn:
            await tickets.shown(conn, form.ticket, where.chat, where.called(str(sent.message_id)), is_question=True)

    async def _answer(self, place: Place, said: Said) -> None:
        message = said.message or Message("", rows=[("", said.words)])
        try:  # of two answers to one chat, the second may be asked to wait twice
            await patiently(lambda: self.voice.post(place, message), PATIENCE_S)
        except NightshiftError as error:
            log.warning("telegram.not_told", chat=place.chat, error=error.detail)

    async def _type(self, wrote: Wrote) -> None:
        action = SendChatAction(chat_id=chat_id(wrote.chat), message_thread_id=number(wrote.topic), action="typing")
        try:
            await self.voice.line.call(wrote.chat, action)
        except NightshiftError as error:
            log.info("telegram.not_typing", error=error.detail)

    async def _where(self, chat: str) -> "Where":
        """The channel and the chat as the site knows it; a group that has moved is known by its old id."""
        channel = self.bot.channel_of(chat)
        if chat.startswith("-") and channel.chat != chat:
            for one in self.bot.channels:
                if await self.voice.line.follow(one.chat) == chat:
                    return Where(one, one.chat, chat)
        return Where(channel, chat)

    def _account(self, account: str) -> Account:
        """Who that is: always the user, met by this bot."""
        return Account(PLATFORM, str(self.me.id), account)


def _user(pressed: Pressed, name: str) -> User:
    return User(id=int(pressed.account), is_bot=False, first_name=name)
