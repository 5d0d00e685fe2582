"""The exchange with a model over one turn: its messages, what each step costs, and one chance to correct a fault."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from agent.answer import Answer, tell
from agent.budget import Meter, count_tokens
from agent.model_endpoint import ModelEndpoint, OnText, Reply, ToolCall
from agent.model_failure import FailureKind, ModelFailure
from agent.redaction import Redactor
from agent.toolbox import Toolbox

CORRECTIONS_MAX = 1
PAID = frozenset({FailureKind.TIMEOUT, FailureKind.BAD_OUTPUT, FailureKind.REFUSED})


@dataclass
class Exchange:
    """What was said so far, and with what the model may look."""

    endpoint: ModelEndpoint
    toolbox: Toolbox
    redactor: Redactor
    meter: Meter
    messages: list[BaseMessage] = field(default_factory=list)
    corrections: int = 0

    @property
    def is_last_step(self) -> bool:
        """Is the next step the last that the budget allows?"""
        return self.meter.steps + 1 == self.meter.budget.steps_max

    async def ask(self, forms: Sequence[dict[str, Any]], on_text: OnText | None = None) -> Reply:
        """One step: ask, and count what it cost, also where it fails. Raises ModelFailure."""
        meter = self.meter
        prompt = count_tokens(json.dumps(forms)) + sum(_size(message) for message in self.messages)
        meter.spend_step(prompt)
        try:
            reply = await self.endpoint.ask(self.messages, forms, meter.seconds_left, on_text)
        except ModelFailure as failure:
            if failure.kind in PAID:
                meter.add_tokens(prompt, 0)
            if failure.kind is FailureKind.TIMEOUT and meter.seconds_left <= 0.1:
                raise meter.out_of_time() from failure
            raise
        said = count_tokens(reply.text + "".join(json.dumps(call.arguments) for call in reply.calls))
        meter.add_tokens(*(reply.usage or (prompt, said)))
        return reply

    def take(self, reply: Reply) -> list[ToolCall]:
        """Keep a reply as history; its calls, with ids of our own: endpoints refuse ids that come twice."""
        calls = [replace(call, id=f"call_{self.meter.steps}_{n}") for n, call in enumerate(reply.calls)]
        self.messages.append(_said(reply, calls))
        return calls

    def answer(self, call: ToolCall, text: str) -> None:
        """Keep the answer to a call."""
        self.messages.append(ToolMessage(text, tool_call_id=call.id))

    async def look(self, call: ToolCall) -> str:
        """Answer a call of a read tool; calls that cannot be answered cost the one correction."""
        if not self.toolbox.has(call.name):
            self.correct("it called a tool that does not exist")
            return self.fault("there is no such tool")
        if call.arguments is None:
            self.correct("the arguments of a call were no JSON object")
            return self.fault("the arguments must be one JSON object")
        return (await self.toolbox.call(call.name, call.arguments)).text

    def correct(self, fault: str) -> None:
        """Take the chance to correct a fault; ModelFailure(bad_output) where it is used up."""
        if self.corrections >= CORRECTIONS_MAX:
            raise ModelFailure(FailureKind.BAD_OUTPUT, f"{fault}.")
        self.corrections += 1

    def fault(self, fault: str) -> str:
        """A fault as the answer to a call."""
        answer = Answer("nightshift", fault=fault, again=True)
        return tell("your last call", answer, self.redactor, self.meter.budget.answer_bytes_max).text


def _said(reply: Reply, calls: Sequence[ToolCall]) -> AIMessage:
    """The reply as history, with only sound arguments: endpoints refuse anything else."""
    sound = [
        {"id": call.id, "name": call.name if call.name.isidentifier() else "unreadable", "args": call.arguments or {}}
        for call in calls
    ]
    return AIMessage(reply.text, tool_calls=sound)


def _size(message: BaseMessage) -> int:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return count_tokens(str(message.content) + json.dumps([call["args"] for call in calls] or ""))
