"""Thread rows as an answer of OpenAI's chat completions: chunks as they come, or all at once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from api.openai_errors import error_body
from core.answered import Answered
from core.card_text import card_to_decide
from core.catalogue import Language, say
from core.phrases_compat import PHRASES
from store.pool import Row

MODEL = "nightshift"
CHARS_PER_TOKEN = 4
ENDS = frozenset({"run.finished", "run.paused", "error"})


@dataclass
class Answer:
    """One answer as it grows. `fault` is reason and sentence where the run broke; `is_over` after its last row.

    Token counts are what the model behind spent; without one they are estimates from characters.
    """

    key: str
    created: int
    language: Language = Language.EN
    asked_chars: int = 0
    wants_usage: bool = False
    is_over: bool = False
    fault: tuple[str, str] | None = None
    text: str = ""
    _answered: Answered = field(default_factory=Answered)
    _spent: tuple[int, int] = (0, 0)

    def opening(self) -> dict[str, Any]:
        """The first chunk: who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def take(self, row: Row) -> Iterator[dict[str, Any]]:
        """The chunks of a row of this run; none for what such clients cannot show."""
        kind, body = row["kind"], row["body"]
        if kind == "token":
            yield from self.say(self._answered.more(body["text"]))
        elif kind == "tool.started":
            # Shown as "thinking" by the front ends that know the field, passed over by the others.
            yield self._chunk({"reasoning_content": f"{body.get('asked') or body['tool']}\n"})
        elif kind == "approval.requested":
            yield from self.say(self._answered.aside(card_to_decide(body, self.language)))
        elif kind == "run.model":
            self._spent = (int(body.get("tokens_in", 0)), int(body.get("tokens_out", 0)))
        elif kind == "run.restarted":
            self._answered.again()
            if self.text:
                yield from self.say(self._answered.aside(say(PHRASES, "restarted", self.language)))
        elif kind in ("run.finished", "run.paused"):
            yield from self.say(self._answered.rest(str(body.get("text", ""))))
        elif kind == "error":
            self.fault = (str(body.get("reason", "error")), str(body.get("text", "")))
        self.is_over = self.is_over or kind in ENDS

    def say(self, text: str) -> Iterator[dict[str, Any]]:
        """More text, as a chunk."""
        if text:
            self.text += text
            yield self._chunk({"content": text})

    def ending(self) -> Iterator[dict[str, Any]]:
        """What comes after the last text: the fault or the end, and the usage where it was asked for."""
        if self.fault:
            yield error_body(500, self.fault[1] or self.fault[0], code=self.fault[0])
            return
        yield self._chunk({}, "stop")
        if self.wants_usage:
            yield {**self._frame("chat.completion.chunk"), "choices": [], "usage": self.usage()}

    def whole(self) -> dict[str, Any]:
        """The answer in one piece."""
        message = {"role": "assistant", "content": self.text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": self.usage()}

    def usage(self) -> dict[str, int]:
        """Token counts."""
        asked, told = self._spent
        if not asked + told:
            asked, told = (-(-chars // CHARS_PER_TOKEN) for chars in (self.asked_chars, len(self.text)))
        return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        usage: dict[str, Any] = {"usage": None} if self.wants_usage else {}
        return {**self._frame("chat.completion.chunk"), "choices": [choice], **usage}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.key}", "object": kind, "created": self.created, "model": MODEL}
