"""Thread rows as the events of AG-UI 1.0: text, tool calls, and an interrupt where people have to decide."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.answered import Answered
from core.card_text import card_text
from core.plain_text import storable_value
from store.pool import Row

PROTOCOL_VERSION = "1.0"
ENDS = frozenset({"run.finished", "run.paused", "error"})
CUSTOM = frozenset({"evidence", "degraded", "approval.decided"})
RESULT_CHARS_MAX = 20_000
INTERRUPT_REASON = "approval"
RESPONSE_SCHEMA = {
    "type": "object",
    "required": ["verdict"],
    "properties": {
        "verdict": {"enum": ["approve", "reject"]},
        "reason": {"type": "string", "maxLength": 4000},
        "intent_hash": {"type": "string", "description": "What the card shows; another action is refused."},
    },
}
Event = dict[str, Any]


@dataclass
class Run:
    """One run of the protocol. Its ids are the client's; the thread rows' own ids name messages and tool calls.

    `given` are the client's messages: what came of an attempt that was cut is taken back by showing them again.
    """

    thread_id: str
    run_id: str
    given: Sequence[dict[str, Any]] = ()
    is_over: bool = False
    interrupts: list[Event] = field(default_factory=list)
    _answered: Answered = field(default_factory=Answered)
    _message: str = ""
    _calls: list[tuple[str, str]] = field(default_factory=list)
    _parts: int = 0

    def opening(self) -> Iterator[Event]:
        """The first event."""
        yield self._event("RUN_STARTED", threadId=self.thread_id, runId=self.run_id, protocolVersion=PROTOCOL_VERSION)

    def take(self, row: Row) -> Iterator[Event]:
        """The events of a row of this run; a row that ends it closes everything."""
        kind, body = row["kind"], row["body"]
        if kind == "token":
            yield from self.say(self._answered.more(body["text"]))
        elif kind == "tool.started":
            yield from self._tool(row)
        elif kind == "tool.finished":
            yield from self._result(row)
        elif kind == "approval.requested":
            self.interrupts = [w for w in self.interrupts if w["id"] != str(body["approval_id"])] + [interrupt(body)]
        elif kind == "run.restarted":
            yield from self._restart()
        elif kind in CUSTOM:
            yield self._event("CUSTOM", name=f"nightshift.{kind}", value=body)
        elif kind in ENDS:
            yield from self._end(kind, body)

    def say(self, text: str) -> Iterator[Event]:
        """More text; a message is begun where none is open."""
        if not text:
            return
        if not self._message:
            self._parts += 1
            self._message = f"{self.run_id}-{self._parts}"
            yield self._event("TEXT_MESSAGE_START", messageId=self._message, role="assistant")
        yield self._event("TEXT_MESSAGE_CONTENT", messageId=self._message, delta=text)

    def close(self) -> Iterator[Event]:
        """End the message that is open."""
        if self._message:
            yield self._event("TEXT_MESSAGE_END", messageId=self._message)
            self._message = ""

    def finish(self, outcome: Event) -> Iterator[Event]:
        """The good end."""
        yield from self.close()
        yield self._event("RUN_FINISHED", threadId=self.thread_id, runId=self.run_id, outcome=outcome)
        self.is_over = True

    def fail(self, reason: str, text: str) -> Iterator[Event]:
        """The bad end, with an enumerated reason."""
        yield from self.close()
        yield self._event("RUN_ERROR", message=text or reason, code=reason)
        self.is_over = True

    def _tool(self, row: Row) -> Iterator[Event]:
        yield from self.close()
        body, call = row["body"], f"{self.run_id}-call-{row['seq']}"
        self._calls.append((str(body["tool"]), call))
        yield self._event("TOOL_CALL_START", toolCallId=call, toolCallName=body["tool"])
        if asked := body.get("asked"):
            yield self._event("TOOL_CALL_ARGS", toolCallId=call, delta=asked_json(asked))
        yield self._event("TOOL_CALL_END", toolCallId=call)

    def _result(self, row: Row) -> Iterator[Event]:
        body = row["body"]
        at = next((n for n, (tool, _) in enumerate(self._calls) if tool == body.get("tool")), None)
        if at is None:
            return  # nobody asked for it here
        call = self._calls.pop(at)[1]
        lines = body.get("lines") or body.get("text") or body.get("error") or ""
        content = lines if isinstance(lines, str) else "\n".join(map(str, lines))
        yield self._event(
            "TOOL_CALL_RESULT", messageId=f"{call}-result", toolCallId=call, content=content[:RESULT_CHARS_MAX],
            role="tool",
        )  # fmt: skip

    def _restart(self) -> Iterator[Event]:
        yield from self.close()
        self._answered.again()
        self._calls.clear()
        if self._parts:
            yield self._event("MESSAGES_SNAPSHOT", messages=storable_value(list(self.given)))

    def _end(self, kind: str, body: Event) -> Iterator[Event]:
        if kind == "error":
            yield from self.fail(str(body.get("reason", "error")), str(body.get("text", "")))
            return
        yield from self.say(self._answered.rest(str(body.get("text", ""))))
        outcome = str(body.get("outcome", ""))
        if self.interrupts:
            yield from self.finish({"type": "interrupt", "interrupts": self.interrupts})
        elif outcome == "cancelled":
            yield from self.finish({"type": "cancelled"})
        else:
            yield from self.finish({"type": "success"})

    def _event(self, kind: str, **members: Any) -> Event:
        return {"type": kind, **members}


def interrupt(body: Event) -> Event:
    """A card that waits for people, as what a run of the protocol stops for."""
    card = body["card"]
    return {
        "id": str(body["approval_id"]),
        "reason": INTERRUPT_REASON,
        "message": card_text(card),
        "responseSchema": RESPONSE_SCHEMA,
        **({"expiresAt": card["expires_at"]} if card.get("expires_at") else {}),
        "metadata": {
            "nightshift": {
                "approvalId": str(body["approval_id"]), "executionId": str(body.get("execution_id", "")),
                "intentHash": body["intent_hash"], "card": card,
            }
        },
    }  # fmt: skip


def asked_json(asked: Any) -> str:
    """The arguments of a tool call as the JSON text that the protocol carries."""
    return json.dumps(asked if isinstance(asked, dict) else {"asked": asked}, ensure_ascii=False, default=str)
