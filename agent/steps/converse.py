"""Converse: the model answers with its read tools, or wishes for an action; what goes wrong is left to the rules."""

import asyncio
import importlib
from typing import Any

from langgraph.runtime import Runtime

from agent.chat_state import ChatState
from agent.model_failure import FailureKind
from agent.turn import Talk


async def converse(state: ChatState, runtime: Runtime[Talk]) -> ChatState:
    """Let the model speak, and keep which incident it was about."""
    if runtime.context.ctx.model is None:  # it was taken away while this turn was under way
        return {"failure": {"reason": FailureKind.UNAVAILABLE.value, "sentence": "there is no model any more."}}
    # It costs seconds to import, only a model needs it, and nobody else should wait for it.
    module: Any = await asyncio.to_thread(importlib.import_module, "agent.conversation")
    ending: ChatState = await module.hold_conversation(runtime.context)
    return ending
