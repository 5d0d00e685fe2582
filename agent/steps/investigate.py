"""Investigate: the deterministic investigator always; then a model, if there is one, starting from its result."""

from uuid import UUID

from langgraph.runtime import Runtime

from agent.context import Context
from agent.diagnosis_form import diagnosis_from_json, diagnosis_to_json
from agent.investigator import investigate as investigate_by_rules
from agent.state import ThreadState
from core.diagnosis import Diagnosis
from core.evidence import EvidenceKind
from ingest.sentry import ISSUE_LABEL
from store import alerts, diagnoses, incidents, jobs, timeline
from store.pool import Connection


async def investigate(state: ThreadState, runtime: Runtime[Context]) -> ThreadState:
    """Find evidence and conclude; written once an attempt, so running again finds it."""
    ctx, attempt = runtime.context, state["attempt"]
    incident_id = UUID(state["incident_id"])
    async with ctx.store.begin() as conn:
        incident = await incidents.get(conn, incident_id)
        known = await diagnoses.get(conn, incident_id, attempt)
    if known is not None:
        return {"wish": known.get("wish") or {}}
    diagnosis = await investigate_by_rules(ctx, incident)
    wish: dict[str, object] = {}
    if ctx.model is not None:
        from agent.modelled import investigate_with_model  # costs seconds to import, and only a model needs it

        diagnosis, wish = await investigate_with_model(ctx, incident, diagnosis, attempt)
    async with ctx.store.begin() as conn:
        if await diagnoses.put(conn, incident_id, attempt, {**diagnosis_to_json(diagnosis), "wish": wish}):
            await _tell(conn, incident_id, attempt, diagnosis)
    return {"wish": wish}


async def _tell(conn: Connection, incident_id: UUID, attempt: int, diagnosis: Diagnosis) -> None:
    for evidence in diagnosis.evidence:
        if evidence.kind is not EvidenceKind.PAST_INCIDENT:
            fact = {
                "id": evidence.id,
                "evidence_kind": evidence.kind,
                "statement": evidence.statement,
                "source": evidence.source,
                "outsider": evidence.outsider,
            }
            await timeline.append(conn, incident_id, "evidence", body=fact)
    body = {
        "attempt": attempt,
        "cause": diagnosis.cause,
        "service": diagnosis.service,
        "summary": diagnosis.summary,
        "confirmed": diagnosis.confirmed,
        "unknowns": list(diagnosis.unknowns),
        "by": diagnosis.by,
    }
    await timeline.append(conn, incident_id, "diagnosis", actor=diagnosis.by, reason=diagnosis.cause, body=body)
    if any(row["labels"].get(ISSUE_LABEL) for row in await alerts.of_incident(conn, incident_id)):
        lock = f"sentry_comment:{incident_id}"
        await jobs.defer(conn, "sentry_comment", lock=lock, incident_id=str(incident_id), attempt=attempt)
    if diagnosis.degraded:
        await timeline.append(conn, incident_id, "degraded", reason=diagnosis.degraded)


async def read_diagnosis(conn: Connection, incident_id: UUID, attempt: int) -> Diagnosis:
    """The diagnosis of an attempt, which the step before has written."""
    body = await diagnoses.get(conn, incident_id, attempt)
    assert body is not None, "investigate writes the diagnosis before any later step runs"
    return diagnosis_from_json(body)
