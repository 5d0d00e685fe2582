"""The one way to an action: propose (a row), decide (the gate), and an approval that waits for a person.

The agent, a model and a person at the API all come through here; nothing else creates executions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.card import Impact, build_card
from core.decision import MAY_ACT, ROLES
from core.diagnosis import Cause, Diagnosis
from core.execution import Reason, State
from core.incident import IncidentState
from core.intent import Intent
from core.playbook import Playbook
from core.playbook_form import read_playbook
from core.policy import Candidate, Decision, Guardrail, Verb, decide, explain
from core.proposal import Basis, Choice
from core.rates import TrackRecord
from core.site import Site
from store import alerts, approvals, executions, incidents, jobs, playbooks, standing, timeline
from store.pool import Connection, Row
from tools.act.gate import read_facts, with_timings
from tools.act.inventory import Inventory, build_intent, fill_parameters, read_inventory
from tools.act.shadow import shaded
from tools.act.sight import Sights

LIVE = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.MITIGATED)
NEEDS_A_PERSON = frozenset({Guardrail.RETRIES_SPENT, Guardrail.BREAKER, Guardrail.CASCADE})
"""What is refused for these reasons will not be tried again by itself: the incident is escalated."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants done about an incident, and why. `origin` is 'thread' or 'person'.

    `sights` is what was seen of the targets a moment ago, before any transaction; None where nobody looked.
    """

    incident: Row
    attempt: int
    origin: str
    requester: str
    playbook_id: str
    parameters: Mapping[str, Any]
    diagnosis: Diagnosis
    choice: Choice
    sights: Sights | None = None


async def current_playbooks(conn: Connection, site: Site) -> dict[str, Playbook]:
    """The newest version of every playbook, with the site's timings."""
    rows = await playbooks.newest(conn)
    books = [read_playbook(row["body"], row["version"], f"playbook {row['id']}") for row in rows]
    return {book.id: with_timings(book, site) for book in books}


async def submit(conn: Connection, site: Site, wish: Wish) -> Row:
    """Propose and decide in one transaction; the execution after it.

    Asking again for the same attempt of a thread changes nothing and returns the first answer.
    """
    playbook = (await current_playbooks(conn, site)).get(wish.playbook_id)
    inventory = await read_inventory(conn, site, wish.incident, wish.sights)
    site = inventory.site
    intent = build_intent(inventory, wish.incident, wish.playbook_id, playbook, wish.parameters)
    values = {
        "incident_id": wish.incident["id"],
        "attempt": wish.attempt,
        "origin": wish.origin,
        "requester": wish.requester,
        "signature": wish.incident["signature"],
        "environment": wish.incident["environment"],
    }
    row, is_new = await executions.propose(conn, intent, values)
    if not is_new:
        return row
    facts = await read_facts(conn, inventory, intent, asked_by_person=wish.origin != "thread")
    decision = decide(Candidate(intent, playbook), facts)
    decision = await shaded(conn, decision, asked_by_person=facts.asked_by_person)
    body = {"execution_id": str(row["id"]), "verb": decision.verb, "detail": decision.detail}
    await timeline.append(
        conn, wish.incident["id"], "decision", reason=decision.guardrail, body={**body, "playbook": wish.playbook_id}
    )
    stored = {**decision_to_json(decision), "requester_may_approve": site.policy.requester_may_approve}
    await executions.set_decision(conn, row["id"], stored)
    if decision.verb not in MAY_ACT or playbook is None:
        return await _deny(conn, wish, row, decision)
    return await _ask(conn, site, wish, row, intent, playbook, decision)


async def _deny(conn: Connection, wish: Wish, row: Row, decision: Decision) -> Row:
    """Refused, or only told: nothing acts; where that needs a person, one is told."""
    if decision.guardrail in NEEDS_A_PERSON:
        await _escalate(conn, wish, row, decision)
    detail = {"guardrail": decision.guardrail, "detail": decision.detail}
    return await executions.move(conn, row["id"], State.PROPOSED, State.DENIED, Reason.POLICY_REFUSED, detail=detail)


async def _ask(
    conn: Connection, site: Site, wish: Wish, row: Row, intent: Intent, playbook: Playbook, decision: Decision
) -> Row:
    approval = await approvals.ask(
        conn,
        row["id"],
        intent.hash,
        needed=max(1, decision.approvers),
        role=decision.role or ROLES[0],
        expires_s=site.timings.approval_expires_s,
    )
    impact = await _impact(conn, wish.incident)
    card = build_card(intent, playbook, wish.diagnosis, wish.choice, decision, impact, approval["expires_at"])
    await executions.set_card(conn, row["id"], {**card, "incident": wish.incident["number"]})
    if decision.verb is Verb.AUTO:
        return await _approve_unasked(conn, row, approval, decision)
    return await executions.move(conn, row["id"], State.PROPOSED, State.AWAITING_APPROVAL, Reason.POLICY_ASKS)


async def _approve_unasked(conn: Connection, row: Row, approval: Row, decision: Decision) -> Row:
    """A standing approval is the vote of the person who gave it; the gate looks again before anything is sent."""
    given = await standing.get(conn, UUID(decision.standing_id))
    via = f"standing approval {given['id']}"
    await approvals.vote(conn, approval["id"], given["person_id"], verdict="approve", reason=given["reason"], via=via)
    await approvals.stand(conn, approval["id"], by=given["person"], reason=given["reason"])
    body = {"approval_id": str(approval["id"]), "verdict": "approve", "reason": given["reason"], "via": via}
    actor = f"person:{given['person']}"
    await timeline.append(
        conn, row["incident_id"], "approval.decided", actor=actor, reason=decision.guardrail, body=body
    )
    moved = await executions.move(
        conn, row["id"], State.PROPOSED, State.APPROVED, Reason.STANDING_APPROVAL, actor=actor,
        detail={"standing_id": decision.standing_id, "detail": decision.detail},
    )  # fmt: skip
    key = str(row["id"])
    await jobs.defer(conn, "execute", lock=f"execute:{key}", execution_id=key)
    return moved


async def _escalate(conn: Connection, wish: Wish, row: Row, decision: Decision) -> None:
    """Mark a live incident as in need of a person. A thread pages one when it ends; here it is done for the others."""
    incident_id = wish.incident["id"]
    if await incidents.set_state(conn, incident_id, IncidentState.ESCALATED, by="nightshift", only_from=LIVE):
        body = {"execution_id": str(row["id"]), "detail": decision.detail}
        await timeline.append(conn, incident_id, "incident.escalated", reason=decision.guardrail, body=body)
        if wish.origin != "thread":
            kind = f"escalated:{decision.guardrail}"
            await jobs.defer(conn, "page_incident", incident_id=str(incident_id), kind=kind)


async def _impact(conn: Connection, incident: Row) -> Impact:
    rows = await alerts.summary(conn, incident["id"])
    firing = sum(row["firing"] for row in rows)
    services = tuple(sorted({row["service"] for row in rows if row["firing"]})) or (incident["service"],)
    worst = ", ".join(f"{row['firing']} x {row['name']} on {row['service']}" for row in rows[:2] if row["firing"])
    return Impact(firing, services, worst or "no alert fires any more")


async def submit_by_person(
    conn: Connection,
    site: Site,
    incident: Row,
    *,
    person: str,
    playbook_id: str,
    parameters: Mapping[str, Any],
    reason: str,
    sights: Sights | None = None,
    record: TrackRecord | None = None,
) -> Row:
    """A person (or a program with a person's key) asks for a playbook on an incident; `record` is how it fared."""
    summary = f"{person} asked for it: {reason}" if reason else f"{person} asked for it"
    diagnosis = Diagnosis(Cause.UNKNOWN, incident["service"], summary, (), (), confirmed=False, by=person)
    choice = Choice(None, Basis.NONE, record or TrackRecord())
    attempt = 1 + len(await executions.of_incident(conn, incident["id"]))
    wish = Wish(incident, attempt, "person", person, playbook_id, parameters, diagnosis, choice, sights)
    row = await submit(conn, site, wish)
    if row["state"] == State.AWAITING_APPROVAL:
        await jobs.defer(conn, "tell_approvals", incident_id=str(incident["id"]))
    return row


async def announce(conn: Connection, incident_id: UUID) -> list[Row]:
    """A timeline row for each approval that nobody was told of yet; those approvals."""
    told = await approvals.announce(conn, incident_id)
    for row in told:
        body = {
            "approval_id": str(row["id"]),
            "execution_id": str(row["execution_id"]),
            "expires_at": row["expires_at"].isoformat(),
            "card": row["card"],
        }
        await timeline.append(conn, incident_id, "approval.requested", body=body)
    return told


async def explain_all(
    conn: Connection, site: Site, incident: Row, sights: Sights | None = None
) -> list[tuple[Playbook, Decision, list[tuple[str, Decision | None]]]]:
    """For every playbook: what the gate would decide on this incident, and what each guardrail says."""
    inventory: Inventory = await read_inventory(conn, site, incident, sights)
    answers = []
    for playbook in (await current_playbooks(conn, site)).values():
        parameters = fill_parameters(playbook, inventory, incident["service"])
        intent = build_intent(inventory, incident, playbook.id, playbook, parameters)
        facts = await read_facts(conn, inventory, intent)
        candidate = Candidate(intent, playbook)
        answers.append((playbook, decide(candidate, facts), explain(candidate, facts)))
    return answers


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """A decision as it is stored with its execution."""
    return {
        "verb": decision.verb,
        "guardrail": decision.guardrail,
        "detail": decision.detail,
        "approvers": decision.approvers,
        "role": decision.role,
        "standing_id": decision.standing_id,
    }
