"""Propose: one diagnosis, one typed action, history and today's evidence merged."""

from datetime import datetime
from uuid import UUID

from langgraph.runtime import Runtime

from agent.context import Context
from agent.questions import About, answers
from agent.state import ThreadState
from agent.steps.choosing import Situation, read_situation
from core.proposal import Choice
from store import executions, pool, timeline
from tools.act.inventory import fill_parameters, read_inventory
from tools.act.looking import look_around


async def propose(state: ThreadState, runtime: Runtime[Context]) -> ThreadState:
    """Choose a playbook and fill its parameters from the inventory; a model's wish replaces that, not the gate."""
    ctx, attempt = runtime.context, state["attempt"]
    incident_id = UUID(state["incident_id"])
    sights = await look_around(ctx.store, ctx.site, incident_id)
    async with ctx.store.begin() as conn:
        existing = await executions.of_attempt(conn, incident_id, attempt)
        if existing is not None:
            return {"execution_id": str(existing["id"])}
        now = await read_situation(conn, ctx, incident_id, attempt, state.get("similar"), sights)
        if now.choice.disagreement:
            body = {"text": now.choice.disagreement}
            await timeline.append(conn, incident_id, "recall", reason="disagreement", body=body)
        wish = dict(state.get("wish") or {})
        if not wish and now.choice.playbook is not None and now.choice.playbook.acts:
            inventory = await read_inventory(conn, ctx.site, now.incident, sights)
            parameters = fill_parameters(now.choice.playbook, inventory, now.diagnosis.service)
            wish = {"playbook_id": now.choice.playbook.id, "parameters": parameters}
        if not wish:
            await timeline.append(conn, incident_id, "decision", reason="alert_only", body=_only_a_human(now.choice))
        moment = await pool.now(conn)
    chosen = now.choice.playbook.id if now.choice.playbook else ""
    await _ask_first(ctx, now, str(wish.get("playbook_id") or chosen), moment)
    return {"wish": wish, "execution_id": ""}


async def _ask_first(ctx: Context, now: Situation, playbook_id: str, moment: datetime) -> None:
    """What the playbook wants looked at goes onto the timeline, before anybody is asked to decide."""
    book = now.books.get(playbook_id)
    if book is None or not book.diagnosis:
        return
    environment = now.incident["environment"]
    about = About(now.diagnosis.service, environment, moment, now.incident["started_at"])
    found = await answers(ctx, book, about)
    async with ctx.store.begin() as conn:
        for answer in found:
            await timeline.append(conn, now.incident["id"], "question.answered", body=answer)


def _only_a_human(choice: Choice) -> dict[str, object]:
    advice = choice.playbook.advice if choice.playbook else ""
    title = choice.playbook.title if choice.playbook else "No playbook fits what was found."
    return {"verb": "alert_only", "detail": title, "advice": advice, "disagreement": choice.disagreement}
