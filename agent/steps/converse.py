"""Converse: the model answers with its read tools, or wishes for an action; what goes wrong is left to the rules."""

from uuid import UUID

from langgraph.runtime import Runtime

from agent.chat_state import ChatState
from agent.turn import Talk


async def converse(state: ChatState, runtime: Runtime[Talk]) -> ChatState:
    """Let the model speak about the incident that `listen` found."""
    from agent.conversation import hold_conversation  # costs seconds to import, and only a model needs it

    incident_id = UUID(state["incident_id"]) if state["incident_id"] else None
    return await hold_conversation(runtime.context, incident_id)
