"""The graph of an incident: names and edges only. Each node is a file in `steps/`; the tables are the truth."""

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agent.context import Context
from agent.state import ThreadState
from agent.steps.await_outcome import await_outcome
from agent.steps.decide import decide
from agent.steps.investigate import investigate
from agent.steps.propose import propose
from agent.steps.recall import recall
from agent.steps.report import report, where_next

Graph = CompiledStateGraph[ThreadState, Context, ThreadState, ThreadState]


def build_graph(memory: BaseCheckpointSaver[str]) -> "Graph":
    """recall -> investigate -> propose -> decide -> await_outcome -> report, and from there back or to the end."""
    graph = StateGraph(ThreadState, context_schema=Context)
    for step in (recall, investigate, propose, decide, await_outcome, report):
        graph.add_node(step.__name__, step)
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "investigate")
    graph.add_edge("investigate", "propose")
    graph.add_edge("propose", "decide")
    graph.add_edge("decide", "await_outcome")
    graph.add_edge("await_outcome", "report")
    graph.add_conditional_edges("report", where_next, {"investigate": "investigate", "end": END})
    return graph.compile(checkpointer=memory)
