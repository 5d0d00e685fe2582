"""What exists at Telegram: people, chats, topics, messages, callback queries."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.fakes.telegram_keyboard import Button, Keyboard
from tests.fakes.telegram_markup import Entity
from tests.fakes.telegram_rules import Refused, bad, forbidden

TOKEN = "4242:TEST-nightshift"
BOT_ID = 4242


class Standing(StrEnum):
    """What the bot is in a chat."""

    MEMBER = "member"
    ADMINISTRATOR = "administrator"
    KICKED = "kicked"
    ABSENT = "left"


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: int
    name: str
    username: str = ""
    language: str = "en"
    is_bot: bool = False

    def form(self) -> dict[str, Any]:
        """As a User object."""
        form: dict[str, Any] = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        form |= {"username": self.username} if self.username else {}
        return form if self.is_bot else form | {"language_code": self.language}


BOT = Person(BOT_ID, "Nightshift", "nightshift_test_bot", is_bot=True)


@dataclass
class Message:
    """One message and everything it ever was."""

    id: int
    chat: int
    sender: Person
    date: int
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    keyboard: Keyboard = field(default_factory=list)
    thread: int | None = None
    reply_to: int | None = None
    document: dict[str, Any] | None = None
    content: bytes = b""  # of the document
    edited: int | None = None
    rich: dict[str, Any] | None = None
    past_keyboards: list[Keyboard] = field(default_factory=list)
    past_texts: list[str] = field(default_factory=list)

    def buttons(self) -> list[Button]:
        """What can be pressed now."""
        return [button for row in self.keyboard for button in row]

    def button(self, label: str) -> Button:
        """The button whose label holds these words."""
        found = [one for one in self.buttons() if label.lower() in one["text"].lower()]
        if len(found) != 1:
            labels = [one["text"] for one in self.buttons()]
            raise AssertionError(f"{len(found)} buttons say {label!r} among {labels} on {self.text!r}")
        return found[0]


@dataclass
class Topic:
    """A forum topic; its id is the id of the message that made it."""

    id: int
    name: str
    closed: bool = False


@dataclass
class Chat:
    """A private chat, group or forum, as the bot stands to it."""

    id: int
    kind: str  # private, group, supergroup
    title: str
    people: dict[int, Person] = field(default_factory=dict)
    standing: Standing = Standing.MEMBER
    forum: bool = False
    may_make_topics: bool = False
    started: bool = True  # private: the person has written first
    blocked: bool = False  # private: the person does not want the bot
    migrated_to: int | None = None
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    last_id: int = 0
    drafts: dict[int, tuple[float, str]] = field(default_factory=dict)  # by draft_id: until, text

    @property
    def is_group(self) -> bool:
        return self.kind in ("group", "supergroup")

    def form(self) -> dict[str, Any]:
        """As a Chat object."""
        if self.kind == "private":
            person = self.people[self.id]
            return {"id": self.id, "type": "private", "first_name": person.name} | (
                {"username": person.username} if person.username else {}
            )
        return {"id": self.id, "type": self.kind, "title": self.title} | ({"is_forum": True} if self.forum else {})

    def draft_seen(self, now: float) -> str | None:
        """The draft on the person's screen, None if there is none any more."""
        return next((text for until, text in self.drafts.values() if until > now), None)

    def next_id(self) -> int:
        """Message ids begin at 1 in each chat, so that they collide between chats."""
        self.last_id += 1
        return self.last_id

    def open_to_bot(self) -> None:
        """Raise the refusal if the bot may not write here."""
        if self.migrated_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated_to)
        if self.blocked:
            raise forbidden("bot was blocked by the user")
        if not self.started:
            raise forbidden("bot can't initiate conversation with a user")
        if self.standing is Standing.KICKED:
            raise forbidden(f"bot was kicked from the {self.kind} chat")
        if self.standing is Standing.ABSENT:
            raise forbidden(f"bot is not a member of the {self.kind} chat")

    def thread_for(self, thread: int | None) -> int | None:
        """The topic to write into, or the refusal. The general topic has no id."""
        if thread is None:
            return None
        if thread not in self.topics:
            raise bad("message thread not found")
        if self.topics[thread].closed and self.standing is not Standing.ADMINISTRATOR:
            raise bad("TOPIC_CLOSED")
        return thread

    def own_message(self, message: int | None, deed: str) -> Message:
        """A message of the bot, or the refusal: `deed` is edit or delete."""
        found = self.messages.get(message or 0)
        if found is None:
            raise bad(f"message to {deed} not found")
        if found.sender.id != BOT_ID:
            raise bad(f"message can't be {deed}{'d' if deed.endswith('e') else 'ed'}")
        return found


@dataclass
class Query:
    """A pressed button that spins until it is answered."""

    id: str
    person: Person
    data: str
    at: float
    answer: str | None = None
    alert: bool = False


@dataclass
class World:
    """All of it."""

    chats: dict[int, Chat] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)  # by language, `chat:language` of one chat
    reactions: list[tuple[int, int, Any]] = field(default_factory=list)

    def private(self, person: Person, *, started: bool = True) -> Chat:
        """The private chat of a person with the bot."""
        chat = Chat(person.id, "private", person.name, {person.id: person}, started=started)
        return self.chats.setdefault(person.id, chat)

    def group(self, chat_id: int, *people: Person, forum: bool = False, administrator: bool = False) -> Chat:
        """A group; a forum makes the bot an administrator who may make topics."""
        kind = "supergroup" if forum or str(chat_id).startswith("-100") else "group"
        standing = Standing.ADMINISTRATOR if forum or administrator else Standing.MEMBER
        members = {person.id: person for person in people}
        chat = Chat(chat_id, kind, f"on call {chat_id}", members, standing, forum, may_make_topics=forum)
        chat.last_id = 1 if forum else 0  # 1 is the general topic
        self.chats[chat_id] = chat
        return chat

    def chat(self, chat_id: Any) -> Chat:
        """A chat by what the request says, or the refusal."""
        if chat_id in (None, ""):
            raise bad("chat_id is empty")
        try:
            return self.chats[int(chat_id)]
        except (KeyError, ValueError):
            raise not_found() from None

    def form(self, message: Message, *, deep: bool = True) -> dict[str, Any]:
        """As a Message object."""
        chat = self.chats[message.chat]
        form: dict[str, Any] = {"message_id": message.id, "date": message.date, "chat": chat.form()}
        form |= {"from": message.sender.form()}
        if message.thread is not None:
            form |= {"message_thread_id": message.thread, "is_topic_message": True}
        if message.document:
            form |= {"document": message.document, "caption": message.text, "caption_entities": message.entities}
        elif message.rich is not None:
            form |= {"rich_message": {"blocks": []}}
        else:
            form |= {"text": message.text} | ({"entities": message.entities} if message.entities else {})
        if message.keyboard:
            form |= {"reply_markup": {"inline_keyboard": message.keyboard}}
        if message.edited:
            form |= {"edit_date": message.edited}
        if deep and message.reply_to in chat.messages:
            form |= {"reply_to_message": self.form(chat.messages[message.reply_to], deep=False)}
        return form


def not_found() -> Refused:
    """There is no such chat, or the bot has never met it."""
    return bad("chat not found")
