"""What a model says aloud: passed on piece by piece, with nothing in it that deceives an eye or works as a link."""

from agent.turn import Emit
from core.plain_text import storable, visible

SPEECH_CHARS_MAX = 6_000
# A link in an answer would be the stranger's who wrote the log line; what is cut in two must not slip through.
_DEFUSED = (("://", ":// "), ("](", "] ("))
_APART = "\n\n"


class Speech:
    """The text so far; the events of the tokens together are exactly this text."""

    def __init__(self, emit: Emit, cut_note: str) -> None:
        self._emit, self._cut_note = emit, cut_note
        self._held, self._is_full, self._pauses = "", False, False
        self.text = ""

    async def take(self, piece: str) -> None:
        """Pass a piece on, but for an end that may be the beginning of something to defuse."""
        text = self._held + storable(piece)
        held = max((_overlap(text, danger) for danger, _ in _DEFUSED), default=0)
        self._held = text[len(text) - held :]
        await self._say(text[: len(text) - held])

    async def pause(self) -> None:
        """What follows is said apart from what was said."""
        await self.end()
        self._pauses = bool(self.text)

    async def end(self) -> None:
        """Pass on what was held back."""
        held, self._held = self._held, ""
        await self._say(held)

    async def _say(self, text: str) -> None:
        for danger, harmless in _DEFUSED:
            text = text.replace(danger, harmless)
        text = visible(text)
        if not text or self._is_full:
            return
        if self._pauses:
            text, self._pauses = _APART + text.lstrip("\n"), False
        if len(self.text) + len(text) > SPEECH_CHARS_MAX:
            text, self._is_full = f"{text[: SPEECH_CHARS_MAX - len(self.text)]}\n{self._cut_note}", True
        self.text += text
        await self._emit("token", {"text": text})


def _overlap(text: str, danger: str) -> int:
    """How much of the end of a text is the beginning of `danger`."""
    return next((size for size in range(len(danger) - 1, 0, -1) if text.endswith(danger[:size])), 0)
