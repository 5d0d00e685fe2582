"""The graph of a chat's turn: names and edges only. Each node is a file in `steps/`; the tables are the truth."""

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agent.chat_state import ChatState, after_converse, who_answers
from agent.steps.answer_by_rules import answer_by_rules
from agent.steps.converse import converse
from agent.steps.propose_wished import propose_wished
from agent.turn import Talk

ChatGraph = CompiledStateGraph[ChatState, Talk, ChatState, ChatState]


def build_chat_graph(memory: BaseCheckpointSaver[str]) -> "ChatGraph":
    """converse -> propose_wished with a wish; answer_by_rules without a model, and where it is of no use."""
    graph = StateGraph(ChatState, context_schema=Talk)
    for step in (converse, propose_wished, answer_by_rules):
        graph.add_node(step.__name__, step)
    graph.add_conditional_edges(START, who_answers, ["converse", "answer_by_rules"])
    graph.add_conditional_edges("converse", after_converse, ["propose_wished", "answer_by_rules", END])
    graph.add_edge("propose_wished", END)
    graph.add_edge("answer_by_rules", END)
    return graph.compile(checkpointer=memory)
