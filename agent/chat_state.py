"""The state of one turn of a chat, and which way it goes: ids and words only, the rest is read again."""

from typing import TypedDict


class ChatState(TypedDict, total=False):
    """`text` is what was said so far; `wish` what the model wants proposed; `failure` why it was of no use."""

    run_id: str
    by_model: bool
    incident_id: str
    text: str
    outcome: str
    wish: dict[str, object]
    failure: dict[str, str]
    approval_id: str


def fresh(run_id: str, *, by_model: bool) -> ChatState:
    """The state in which a turn begins."""
    return {
        "run_id": run_id, "by_model": by_model, "incident_id": "", "text": "", "outcome": "", "wish": {}, "failure": {},
        "approval_id": "",
    }  # fmt: skip


def who_answers(state: ChatState) -> str:
    """The model where there is one."""
    return "converse" if state["by_model"] else "answer_by_rules"


def after_converse(state: ChatState) -> str:
    """To the gate with a wish, to the rules after a failure, else the end."""
    if state["failure"]:
        return "answer_by_rules"
    return "propose_wished" if state["wish"] else "__end__"
