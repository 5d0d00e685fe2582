"""Answer by rules: a recognised question is answered from the tables, and it is said that no model speaks."""

from langgraph.runtime import Runtime

from agent.about import read_about
from agent.answers.answering import answer_question
from agent.chat_state import ChatState
from agent.turn import Outcome, Talk
from core.asked import Question


async def answer_by_rules(state: ChatState, runtime: Runtime[Talk]) -> ChatState:
    """The whole answer at once; after a failure of the model it follows what the model had said."""
    talk = runtime.context
    about = await read_about(talk.ctx, talk.turn.text, talk.turn.incident_id, talk.turn.language)
    said = await answer_question(about)
    why = about.say("without_model")
    if failure := state["failure"]:
        why = about.say("model_failed", why=failure["reason"])
        await talk.emit("degraded", {"reason": failure["reason"], "text": why, "detail": failure["sentence"]})
    for fact in said.evidence:
        await talk.emit("evidence", about.told(fact))
    text = await talk.add(state["text"], "\n".join([*said.lines, "", why]))
    understood = about.asked.question is not Question.UNKNOWN
    outcome = Outcome.ANSWERED if understood else Outcome.NOT_UNDERSTOOD
    return {"text": text, "outcome": outcome.value}
