"""Propose: one diagnosis, one typed action, history and today's evidence merged."""

from uuid import UUID

from langgraph.runtime import Runtime

from agent.context import Context
from agent.state import ThreadState
from agent.steps.choosing import read_situation
from core.proposal import Choice
from store import executions, timeline
from tools.act.inventory import fill_parameters, read_inventory


async def propose(state: ThreadState, runtime: Runtime[Context]) -> ThreadState:
    """Choose a playbook and fill its parameters from the inventory; a model's wish replaces that, not the gate."""
    ctx, attempt = runtime.context, state["attempt"]
    incident_id = UUID(state["incident_id"])
    async with ctx.store.begin() as conn:
        existing = await executions.of_attempt(conn, incident_id, attempt)
        if existing is not None:
            return {"execution_id": str(existing["id"])}
        now = await read_situation(conn, ctx, incident_id, attempt)
        if now.choice.disagreement:
            body = {"text": now.choice.disagreement}
            await timeline.append(conn, incident_id, "recall", reason="disagreement", body=body)
        wish = dict(state.get("wish") or {})
        if not wish and now.choice.playbook is not None and now.choice.playbook.acts:
            inventory = await read_inventory(conn, ctx.site, now.incident)
            parameters = fill_parameters(now.choice.playbook, inventory, now.diagnosis.service)
            wish = {"playbook_id": now.choice.playbook.id, "parameters": parameters}
        if not wish:
            await timeline.append(conn, incident_id, "decision", reason="alert_only", body=_only_a_human(now.choice))
    return {"wish": wish, "execution_id": ""}


def _only_a_human(choice: Choice) -> dict[str, object]:
    advice = choice.playbook.advice if choice.playbook else ""
    title = choice.playbook.title if choice.playbook else "No playbook fits what was found."
    return {"verb": "alert_only", "detail": title, "advice": advice, "disagreement": choice.disagreement}
