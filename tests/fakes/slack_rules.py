"""The numbers of Slack and the form in which it refuses. Every limit here has a test of the fake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.flood import Rate

TEXT_MAX = 40_000  # the real service cuts; the fake refuses
MARKDOWN_TEXT_MAX = 12_000
BLOCKS_TEXT_MAX = 13_200  # of all blocks of a message together
PRIVATE_METADATA_MAX = 3000
VIEW_BYTES_MAX = 250_000
VIEW_STACK_MAX = 3
SOCKETS_MAX = 10
RESPONSE_URL_USES = 5
RESPONSE_URL_S = 30 * 60.0
FILE_BYTES_MAX = 1024**3

TIER = {1: Rate(1, 60.0), 2: Rate(20, 60.0), 3: Rate(50, 60.0), 4: Rate(100, 60.0)}
# By method. apps.connections.open is of the first tier, but a client must be able to come back: ten a minute here.
METHOD_RATES: Mapping[str, Rate] = {
    "apps.connections.open": Rate(10, 60.0),
    "auth.test": Rate(300, 60.0),
    "bots.info": TIER[3],
    "chat.appendStream": TIER[4],
    "chat.delete": TIER[3],
    "chat.getPermalink": Rate(300, 60.0),
    "chat.postEphemeral": TIER[4],
    "chat.postMessage": Rate(300, 60.0),
    "chat.startStream": TIER[2],
    "chat.stopStream": TIER[2],
    "chat.update": TIER[3],
    "conversations.info": TIER[3],
    "conversations.members": TIER[4],
    "conversations.open": TIER[3],
    "conversations.replies": TIER[3],
    "files.completeUploadExternal": TIER[4],
    "files.getUploadURLExternal": TIER[4],
    "reactions.add": TIER[3],
    "reactions.remove": TIER[2],
    "users.info": TIER[4],
    "users.lookupByEmail": TIER[3],
    "views.open": TIER[4],
    "views.push": TIER[4],
    "views.update": TIER[4],
}
POST_PER_CHANNEL = Rate(1, 1.0)
POSTING = frozenset({"chat.postMessage", "chat.postEphemeral", "chat.startStream"})


@dataclass(frozen=True)
class SlackLimits:
    """What time allows. Tests that are not about time widen it with `replace`."""

    per_channel: Rate = POST_PER_CHANNEL
    methods: Mapping[str, Rate] = field(default_factory=lambda: METHOD_RATES)
    ack_s: float = 3.0
    trigger_s: float = 3.0
    retry_s: tuple[float, ...] = (0.05, 0.2, 0.4)  # really at once, after a minute and after five
    ticket_s: float = 30.0
    stream_silence_s: float = 60.0  # a stream that nobody appends to is closed


@dataclass
class SlackRefused(Exception):
    """The Web API says no: `ok` is false and `error` a word."""

    error: str
    status: int = 200
    more: dict[str, Any] = field(default_factory=dict)
    retry_after: int = 0

    def __str__(self) -> str:
        return self.error

    def answer(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"ok": False, "error": self.error} | self.more


def faulty(error: str, *sentences: str) -> SlackRefused:
    """A refusal that says where the fault is."""
    messages = [f"[ERROR] {sentence}" for sentence in sentences]
    return SlackRefused(error, more={"errors": list(sentences), "response_metadata": {"messages": messages}})


def rate_limited(seconds: int) -> SlackRefused:
    """A 429; the wait stands in the Retry-After header."""
    return SlackRefused("ratelimited", 429, retry_after=seconds)
