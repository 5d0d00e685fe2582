"""Wait for the outcome: the only place that interrupts, without any effect before it, since a resume runs it again."""

from uuid import UUID

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.context import Context
from agent.state import ThreadState
from core.execution import State, ended_as
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
        if end := ended_as(State(row["state"]), row["outcome"]):
            # The rules changed while people were asked: the thread thinks it over under the new ones.
            again = end == State.SUPERSEDED and "rules_changed" in row["result"]
            return {"outcome": str(State.INVALIDATED) if again else end}
        interrupt({"execution_id": state["execution_id"]})
