"""The numbers of the Bot API and the form in which it refuses. Every limit here has a test of the fake."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.flood import Rate

TEXT_UNITS_MAX = 4096  # UTF-16 units after entities parsing
CAPTION_UNITS_MAX = 1024
ENTITIES_MAX = 100
CALLBACK_BYTES_MAX = 64
CALLBACK_ANSWER_UNITS_MAX = 200
COPY_TEXT_UNITS_MAX = 256
BUTTONS_MAX = 100
BUTTONS_PER_ROW_MAX = 8
KEYBOARD_BYTES_MAX = 10_000
BUTTON_STYLES = frozenset({"danger", "success", "primary"})
TOPIC_NAME_UNITS_MAX = 128
TOPIC_COLOURS = frozenset({0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F})
DOCUMENT_BYTES_MAX = 50 * 1024 * 1024
COMMANDS_MAX = 100
COMMAND_DESCRIPTION_UNITS_MAX = 256
SECRET_UNITS_MAX = 256
RICH_UNITS_MAX = 32_768
RICH_BLOCKS_MAX = 500


PER_CHAT, PER_GROUP, OVERALL = Rate(1, 1.0), Rate(20, 60.0), Rate(30, 1.0)


@dataclass(frozen=True)
class TelegramLimits:
    """What time allows. Tests that are not about time widen it with `replace`."""

    per_chat: Rate = PER_CHAT
    per_group: Rate = PER_GROUP
    overall: Rate = OVERALL
    callback_answer_s: float = 15.0
    draft_s: float = 30.0
    delete_s: float = 48 * 3600.0
    update_kept_s: float = 24 * 3600.0
    webhook_answer_s: float = 10.0
    webhook_retry_s: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0)  # the real ones are longer


@dataclass
class Refused(Exception):
    """The Bot API says no. `parameters` carries retry_after and migrate_to_chat_id."""

    code: int
    description: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.description

    def answer(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad(description: str, **parameters: Any) -> Refused:
    """A 400 in the wording of the Bot API."""
    return Refused(400, f"Bad Request: {description}", parameters)


def forbidden(description: str) -> Refused:
    """A 403."""
    return Refused(403, f"Forbidden: {description}")


def too_many(seconds: int) -> Refused:
    """A 429; the wait stands in the parameters and in the sentence."""
    return Refused(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


def units(text: str) -> int:
    """Length in UTF-16 units, which is how Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
