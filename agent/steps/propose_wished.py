"""Propose what the model wished for, in the name of who asked: the gate decides, and then people do."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from langgraph.runtime import Runtime

from agent.about import About, clock_told, read_about, shown
from agent.chat_state import ChatState
from agent.conclusion import PROPOSE
from agent.turn import Outcome, Talk
from core.decision import decision_of
from core.errors import NotFound
from core.execution import State
from core.phrases_gate import gate_words
from core.plain_text import cut, storable
from core.regrouping import OVER
from core.resource import target_words
from core.role import Role
from knowledge.records import Where, track_records
from store import approvals, executions, idempotency, incidents, people
from store.pool import Connection, Row
from tools.act.looking import look_around
from tools.act.proposals import current_playbooks, submit_by_person

WORDS_CHARS_MAX = 160


async def propose_wished(state: ChatState, runtime: Runtime[Talk]) -> ChatState:
    """One proposal a turn, found again by the run's id; who asked is the requester, whatever the model said."""
    talk, incident_id = runtime.context, UUID(state["incident_id"])
    about = await read_about(talk.ctx, talk.turn.text, talk.turn.incident_id, talk.turn.language)
    sights = await look_around(talk.ctx.store, talk.ctx.site, incident_id)
    # Told before it is done: who took the run away from us (it was cancelled, or is done elsewhere) stops us here.
    asked = json.dumps(state["wish"], ensure_ascii=False, sort_keys=True, default=str)
    await talk.emit("tool.started", {"tool": PROPOSE, "asked": about.observed(f"{PROPOSE} {asked}")})
    async with talk.ctx.store.begin() as conn:
        row = await _proposed_before(conn, talk)
        incident = await incidents.get(conn, incident_id)
        may = await _may_propose(conn, talk)
        if row is None and may and incident["state"] not in OVER:
            row = await _propose(conn, talk, incident, state["wish"], sights)
            await idempotency.finish(conn, *_key(talk), 201, {"execution_id": str(row["id"])})
        approval = await approvals.of_execution(conn, row["id"]) if row else None
    if row is not None and approval is not None and row["state"] == State.AWAITING_APPROVAL:
        await talk.emit("approval.requested", _asked(row, approval))
        text = _waits(about, row, approval)
        ending: ChatState = {"outcome": Outcome.PROPOSED.value, "approval_id": str(approval["id"])}
    else:
        text = _refused(about, incident, row, may=may)
        ending = {"outcome": Outcome.REFUSED.value}
    await talk.emit("tool.finished", {"tool": PROPOSE, "lines": [text]})
    return {**ending, "text": await talk.add(state["text"], text)}


def _key(talk: Talk) -> tuple[str, str]:
    return f"chat:{talk.turn.thread_id}", f"run:{talk.turn.run_id}"


async def _proposed_before(conn: Connection, talk: Talk) -> Row | None:
    """What an earlier try of this very run has proposed; reserves the run's key where there is nothing."""
    known = await idempotency.begin(conn, *_key(talk), "proposal")
    if known is None or not known["body"]:
        return None
    return await executions.get(conn, UUID(known["body"]["execution_id"]))


async def _may_propose(conn: Connection, talk: Talk) -> bool:
    """By the role that the person has now, not by the one that the message came with."""
    if talk.turn.person_id is None:
        return False
    try:
        person = await people.get(conn, talk.turn.person_name)
    except NotFound:
        return False
    same = person["id"] == talk.turn.person_id and person["disabled_at"] is None
    return same and Role(person["role"]).covers(Role.RESPONDER)


async def _propose(conn: Connection, talk: Talk, incident: Row, wish: Mapping[str, Any], sights: Any) -> Row:
    site, playbook_id = talk.ctx.site, str(wish["playbook_id"])
    books = [book for name, book in (await current_playbooks(conn, site)).items() if name == playbook_id]
    where = Where.of(incident, site.timings.rate_half_life_s)
    records = await track_records(conn, where, books)
    # The person's own words stand on the card, never the model's: who decides sees whether this was asked for at all.
    words = cut(" ".join(storable(talk.turn.text).split()), WORDS_CHARS_MAX)
    row = await submit_by_person(
        conn, site, incident, person=talk.turn.person_name, playbook_id=playbook_id,
        parameters=wish["parameters"], reason=f"the model chose it in a chat, after: “{words}”", sights=sights,
        record=records.get(playbook_id),
    )  # fmt: skip
    return await executions.get(conn, row["id"])


def _asked(row: Row, approval: Row) -> dict[str, Any]:
    return {
        "approval_id": str(approval["id"]),
        "execution_id": str(row["id"]),
        "intent_hash": row["intent_hash"],
        "expires_at": approval["expires_at"].isoformat(),
        "card": row["card"],
    }


def _waits(about: About, row: Row, approval: Row) -> str:
    return about.say(
        "proposed",
        playbook=row["playbook_id"],
        target=shown(target_words(row["resource_id"])),
        approvers=approval["needed"],
        role=approval["role"],
        until=clock_told(approval["expires_at"], about.now),
    )


def _refused(about: About, incident: Row, row: Row | None, *, may: bool) -> str:
    if not may:
        return about.say("may_not_propose")
    if row is None:
        return about.say("incident_over", number=incident["number"], state=about.state(incident["state"]))
    target = shown(target_words(row["resource_id"]))
    if row["state"] != State.DENIED:
        state = about.state(row["state"])
        return about.say("action", playbook=row["playbook_id"], target=target, state=state)
    words = shown(gate_words(decision_of(row["decision"]), about.language))
    return about.say("wish_refused", playbook=shown(row["playbook_id"]), target=target, words=words)
