"""Converse: the model answers with its read tools, or wishes for an action; what goes wrong is left to the rules."""

from langgraph.runtime import Runtime

from agent.chat_state import ChatState
from agent.model_failure import FailureKind
from agent.turn import Talk


async def converse(state: ChatState, runtime: Runtime[Talk]) -> ChatState:
    """Let the model speak, and keep which incident it was about."""
    from agent.conversation import hold_conversation  # costs seconds to import, and only a model needs it

    if runtime.context.ctx.model is None:  # it was taken away while this turn was under way
        return {"failure": {"reason": FailureKind.UNAVAILABLE.value, "sentence": "there is no model any more."}}
    return await hold_conversation(runtime.context)
