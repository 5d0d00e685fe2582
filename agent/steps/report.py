"""Report: say how it ended, and go back to investigate, a bounded number of times, if the fix did not help."""

from uuid import UUID

from langgraph.runtime import Runtime

from agent.context import Context
from agent.state import ThreadState
from core.execution import State
from core.incident import IncidentState
from store import incidents, jobs, timeline
from tools.act.ruling import ruled

TRY_AGAIN = frozenset({State.INEFFECTIVE, State.REGRESSED, State.FAILED, State.INVALIDATED})
TELL_A_HUMAN = TRY_AGAIN | {State.DENIED, State.EXPIRED, State.NEEDS_HUMAN, State.INCONCLUSIVE, "only_a_human"}
LIVE = [IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.MITIGATED]


async def report(state: ThreadState, runtime: Runtime[Context]) -> ThreadState:
    """Write the end of this attempt; escalate where only a person can go on."""
    ctx, incident_id, outcome = runtime.context, UUID(state["incident_id"]), state["outcome"]
    async with ctx.store.begin() as conn:
        incident = await incidents.get(conn, incident_id)
        is_over = incident["state"] == IncidentState.RESOLVED or incident["firing_count"] == 0
        attempts_max = (await ruled(conn, ctx.site)).policy.attempts_max
        again = outcome in TRY_AGAIN and state["attempt"] < attempts_max and not is_over
        if not await timeline.is_reported(conn, incident_id, state["attempt"]):
            body = {"attempt": state["attempt"], "outcome": outcome, "again": again}
            await timeline.append(conn, incident_id, "run.finished", reason=outcome, body=body)
        if again:
            return {"attempt": state["attempt"] + 1, "wish": {}, "execution_id": "", "outcome": "again"}
        if outcome in TELL_A_HUMAN and not is_over:
            if await incidents.set_state(conn, incident_id, IncidentState.ESCALATED, by="nightshift", only_from=LIVE):
                await timeline.append(conn, incident_id, "incident.escalated", reason=outcome)
            await jobs.defer(conn, "page_incident", incident_id=str(incident_id), kind=f"escalated:{state['attempt']}")
    return {}


def where_next(state: ThreadState) -> str:
    """Back to investigate, or the end."""
    return "investigate" if state.get("outcome") == "again" else "end"
