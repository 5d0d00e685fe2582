"""Wait for the outcome: the only place that interrupts, without any effect before it, since a resume runs it again."""

from uuid import UUID

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.context import Context
from agent.state import ThreadState
from core.execution import SETTLED, State
from store import executions


async def await_outcome(state: ThreadState, runtime: Runtime[Context]) -> ThreadState:
    """Read the execution's row; pause while it is undecided or running. The resume carries no data.

    A resume may come too early (the incident resolved, or a job ran again): then it pauses once more.
    """
    if not state.get("execution_id"):
        return {"outcome": "only_a_human"}
    while True:
        async with runtime.context.store.begin() as conn:
            row = await executions.get(conn, UUID(state["execution_id"]))
        if State(row["state"]) in SETTLED:
            return {"outcome": str(row["state"])}
        interrupt({"execution_id": state["execution_id"]})
