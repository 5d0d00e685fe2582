"""Decide: the proposal and the gate's answer, written in one transaction; unique by incident and attempt."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from langgraph.runtime import Runtime

from agent.context import Context
from agent.state import ThreadState
from agent.steps.choosing import read_situation
from tools.act.looking import look_around
from tools.act.proposals import Wish, submit


async def decide(state: ThreadState, runtime: Runtime[Context]) -> ThreadState:
    """Put the wish through the gate. Asked again for the same attempt, it finds the first answer."""
    wanted = state.get("wish") or {}
    if state.get("execution_id") or not wanted:
        return {}
    ctx, attempt = runtime.context, state["attempt"]
    playbook_id = str(wanted["playbook_id"])
    sights = await look_around(ctx.store, ctx.site, UUID(state["incident_id"]))
    async with ctx.store.begin() as conn:
        now = await read_situation(conn, ctx, UUID(state["incident_id"]), attempt, state.get("similar"))
        wish = Wish(
            incident=now.incident,
            attempt=attempt,
            origin="thread",
            requester="agent",
            playbook_id=playbook_id,
            parameters=cast(Mapping[str, Any], wanted.get("parameters") or {}),
            diagnosis=now.diagnosis,
            choice=now.choice.about(playbook_id, now.books, now.records),
            sights=sights,
        )
        row = await submit(conn, ctx.site, wish)
    return {"execution_id": str(row["id"])}
