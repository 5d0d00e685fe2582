"""The people's side of Telegram: they write, press, leave, block, and some of them cheat."""

import re
from dataclasses import replace
from typing import Any

from tests.fakes.telegram_markup import Entity
from tests.fakes.telegram_methods import member_form
from tests.fakes.telegram_rules import units
from tests.fakes.telegram_server import Server
from tests.fakes.telegram_state import BOT, BOT_ID, Chat, Message, Person, Query, Standing
from tests.fakes.telegram_updates import Update
from tests.fakes.waiting import until

COMMAND = re.compile(r"(?:(?<=\s)|^)/[A-Za-z0-9_]{1,32}(?:@\w+)?")


class TelegramHand:
    """What people do. Everything that the bot should hear of becomes an update."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._queries = 0

    def say(
        self, person: Person, chat_id: int, text: str, *, thread: int | None = None, reply_to: Message | None = None
    ) -> Update | None:
        """Write a message. None if the bot may not see it: privacy mode of groups."""
        chat = self._server.world.chats[chat_id]
        chat.started, entities = True, commands_in(text)
        now = int(self._server.clock.now())
        message = Message(chat.next_id(), chat_id, person, now, text, entities, thread=thread)
        message.reply_to = reply_to.id if reply_to else thread  # a message in a topic replies to the topic
        chat.messages[message.id] = message
        if not self._visible(chat, text, entities, reply_to):
            return None
        return self._server.updates.add("message", self._server.world.form(message))

    def start(self, person: Person, payload: str = "") -> Update | None:
        """Open the bot, perhaps by a link with a payload."""
        self._server.world.private(person)
        return self.say(person, person.id, f"/start {payload}".strip())

    def press(self, person: Person, message: Message, label: str) -> Query:
        """Press a button that is on the message now."""
        button = message.button(label)
        if "callback_data" not in button:
            raise AssertionError(f"{label!r} opens {sorted(button)}: the bot is not told")
        return self.forge(person, message, button["callback_data"])

    def press_stale(self, person: Person, message: Message, label: str) -> Query:
        """Press a button that was there once: on a screen that is behind."""
        for keyboard in reversed(message.past_keyboards):
            try:
                return self.forge(person, message, replace(message, keyboard=keyboard).button(label)["callback_data"])
            except AssertionError:
                continue
        raise AssertionError(f"no keyboard of this message ever had {label!r}")

    def forge(self, person: Person, message: Message, data: str | None, /, **changes: Any) -> Query:
        """A callback query with any data, which a home-made client can send; `changes` replace fields, None removes."""
        self._queries += 1
        query = Query(f"{person.id}{self._queries:09d}", person, data or "", self._server.clock.now())
        self._server.world.queries[query.id] = query
        self.send_query(query, message, data, **changes)
        return query

    def send_query(self, query: Query, message: Message, data: str | None, /, **changes: Any) -> Update | None:
        """The update of a query, also once more with a new update_id."""
        form: dict[str, Any] = {
            "id": query.id,
            "from": query.person.form(),
            "message": self._server.world.form(message),
            "chat_instance": f"instance{message.chat}",
            "data": data,
        }
        form = {name: value for name, value in (form | changes).items() if value is not None}
        return self._server.updates.add("callback_query", form)

    def repeat(self, update_id: int | None = None) -> Update:
        """Deliver an old update again with its old id, the newest confirmed one unless another is named."""
        updates = [*self._server.updates.confirmed, *(one for _, one in self._server.updates.pending)]
        found = [one for one in updates if update_id in (None, one["update_id"])][-1]
        self._server.updates.again(found)
        return found

    def block(self, person: Person, *, blocked: bool = True) -> None:
        """Want no more messages of the bot, or want them again."""
        chat = self._server.world.private(person)
        chat.blocked = blocked
        self._stand(chat, person, Standing.KICKED if blocked else Standing.MEMBER)

    def kick(self, person: Person, chat_id: int) -> None:
        """Throw the bot out of a group."""
        chat = self._server.world.chats[chat_id]
        before = member_form(chat)
        chat.standing = Standing.KICKED
        self._stand(chat, person, Standing.KICKED, before)

    def upgrade(self, chat_id: int) -> Chat:
        """Turn a group into a supergroup with a new id; the old id is refused from now on."""
        world = self._server.world
        old = world.chats[chat_id]
        new = world.group(int(f"-100{abs(chat_id)}"), *old.people.values())
        old.migrated_to = new.id
        at = int(self._server.clock.now())
        for chat, note in ((old, {"migrate_to_chat_id": new.id}), (new, {"migrate_from_chat_id": old.id})):
            message = {"message_id": chat.next_id(), "date": at, "chat": chat.form(), "from": BOT.form()}
            self._server.updates.add("message", message | note)
        return new

    def delete(self, message: Message) -> None:
        """An administrator deletes a message; the bot is not told."""
        self._server.world.chats[message.chat].messages.pop(message.id, None)

    def spinning(self) -> list[Query]:
        """Pressed buttons that nobody has answered."""
        return [query for query in self._server.world.queries.values() if query.answer is None]

    def messages(self, chat_id: int, containing: str = "") -> list[Message]:
        """What the bot has written in a chat, as it is now."""
        chat = self._server.world.chats[chat_id]
        return [one for one in chat.messages.values() if one.sender.id == BOT_ID and containing in one.text]

    async def sees(self, chat_id: int, containing: str, *, within_s: float = 5.0) -> Message:
        """Wait for a message of the bot that holds these words."""
        await until(lambda: bool(self.messages(chat_id, containing)), within_s, f"{containing!r} in chat {chat_id}")
        return self.messages(chat_id, containing)[-1]

    async def answer_to(self, query: Query, *, within_s: float = 5.0) -> str:
        """Wait until the button stops spinning; the text of the note, perhaps empty."""
        await until(lambda: query.answer is not None, within_s, f"an answer to query {query.id}")
        return query.answer or ""

    def _visible(self, chat: Chat, text: str, entities: list[Entity], reply_to: Message | None) -> bool:
        if chat.standing in (Standing.KICKED, Standing.ABSENT) or chat.blocked:
            return False
        if not chat.is_group or chat.standing is Standing.ADMINISTRATOR or not self._server.privacy:
            return True
        commands = COMMAND.findall(text)
        ours = [one for one in commands if "@" not in one or one.endswith(f"@{BOT.username}")]
        to_bot = reply_to is not None and reply_to.sender.id == BOT_ID
        return bool(ours) or to_bot or f"@{BOT.username}" in text

    def _stand(self, chat: Chat, person: Person, new: Standing, before: dict[str, Any] | None = None) -> None:
        old = before or {"status": "member", "user": BOT.form()}
        now: dict[str, Any] = {"status": str(new), "user": BOT.form()} | ({"until_date": 0} if new == "kicked" else {})
        form = {"chat": chat.form(), "from": person.form(), "date": int(self._server.clock.now())}
        self._server.updates.add("my_chat_member", form | {"old_chat_member": old, "new_chat_member": now})


def commands_in(text: str) -> list[Entity]:
    """The entities that Telegram itself puts on commands."""
    return [
        {"type": "bot_command", "offset": units(text[: found.start()]), "length": units(found[0])}
        for found in COMMAND.finditer(text)
    ]
