"""What a conversation in a chat is called beyond our doors: the channel, the chat and the thread that it goes on in."""

from dataclasses import dataclass

from core.errors import BadInput

SEPARATOR = "\x1f"  # no platform has it in an id, and no channel may


@dataclass(frozen=True, slots=True)
class ChatKey:
    """Where answers of a conversation are written. An empty `thread` is the chat itself."""

    channel: str
    chat: str
    thread: str = ""

    def __str__(self) -> str:
        return SEPARATOR.join((self.channel, self.chat, self.thread))

    @classmethod
    def read(cls, text: str) -> "ChatKey":
        """The key again, from what `str` made of it. Raises BadInput."""
        parts = text.split(SEPARATOR)
        if len(parts) != 3:
            raise BadInput(f"{text[:60]!r} is no key of a conversation in a chat.")
        return cls(*parts)
