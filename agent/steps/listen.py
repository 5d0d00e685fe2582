"""Listen: who is to answer, and about which incident; read once, so that a turn is about one thing throughout."""

from langgraph.runtime import Runtime

from agent.about import read_about
from agent.chat_state import ChatState
from agent.turn import Talk


async def listen(state: ChatState, runtime: Runtime[Talk]) -> ChatState:
    """Find the incident that is meant."""
    talk = runtime.context
    about = await read_about(talk.ctx, talk.turn.text, talk.turn.incident_id, talk.turn.language)
    incident = str(about.incident["id"]) if about.incident else ""
    return {"by_model": talk.ctx.model is not None, "incident_id": incident}
