"""What time does to executions: lost leases, expired approvals, and the read-only probe of an unknown outcome."""

from uuid import UUID

import structlog

from core.execution import Reason, State
from engine.healing import resume
from engine.house import House
from store import approvals, executions, jobs
from store.pool import Connection, Row, now
from tools.act import http
from tools.act.proposals import current_playbooks

log = structlog.get_logger(__name__)

CLOCK_MARGIN_S = 2.0
RUNNING_FACTOR_MAX = 10
FORGOTTEN_S = 30.0
NEXT_STEP = {
    State.SUCCEEDED: "start_verifying",
    State.VERIFYING: "verify_execution",
    State.VERIFIED: "watch_execution",
    State.UNKNOWN: "probe_execution",
}


async def sweep(house: House) -> None:
    """Everything whose time is over, skipping rows that another worker sweeps."""
    async with house.store.begin() as conn:
        for row in await executions.lost_leases(conn):
            await _lost(conn, row)
        for approval in await approvals.expired(conn):
            await _expired(conn, approval)
        for row in await executions.forgotten(conn, [*NEXT_STEP], older_than_s=FORGOTTEN_S):
            log.warning("execution.forgotten", execution=str(row["id"]), state=row["state"])
            key = str(row["id"])
            await jobs.at(conn, NEXT_STEP[State(row["state"])], key, delay_s=0.0, execution_id=key)


async def _lost(conn: Connection, row: Row) -> None:
    """A worker is gone. Before the intent nothing was sent: back to approved. After it: nobody knows."""
    key = str(row["id"])
    log.warning("execution.lease_lost", execution=key, state=row["state"])
    if row["state"] == State.CLAIMED:
        await executions.move(conn, row["id"], State.CLAIMED, State.APPROVED, Reason.LEASE_LOST_BEFORE_INTENT)
        await jobs.defer(conn, "execute", execution_id=key)
        return
    await executions.move(conn, row["id"], State.RUNNING, State.UNKNOWN, Reason.LEASE_LOST_AFTER_INTENT)
    await jobs.at(conn, "probe_execution", key, delay_s=0.0, execution_id=key)


async def _expired(conn: Connection, approval: Row) -> None:
    await approvals.withdraw(conn, approval["id"], "expired")
    row = await executions.get(conn, approval["execution_id"])
    state = State(row["state"])
    if state in (State.AWAITING_APPROVAL, State.APPROVED):
        await executions.move(conn, row["id"], state, State.EXPIRED, Reason.APPROVAL_EXPIRED)
        await resume(conn, row["incident_id"])


async def probe_execution(house: House, execution_id: str) -> None:
    """Ask the target what happened. Only an answer settles it; otherwise a human has to look."""
    site = await house.site()
    async with house.store.begin() as conn:
        row = await executions.get(conn, UUID(execution_id))
        book = (await current_playbooks(conn, site)).get(row["playbook_id"])
        age_s = (await now(conn) - row["acted_at"]).total_seconds() if row["acted_at"] else 0.0
    if row["state"] != State.UNKNOWN:
        return
    endpoint = site.endpoint_by_id(row["endpoint_id"])
    seen, said = (http.Probe.CANNOT_TELL, "its endpoint is not registered any more")
    if endpoint is not None:
        seen, said = await http.probe(endpoint, execution_id)
    action_s_max = book.action_s_max if book else 60.0
    # Until the action's own time, the lease and a margin are over, a call may still be on its way.
    still_early = age_s < action_s_max + site.timings.lease_s + CLOCK_MARGIN_S
    async with house.store.begin() as conn:
        if seen is http.Probe.RUNNING and age_s > RUNNING_FACTOR_MAX * action_s_max:
            seen, said = http.Probe.CANNOT_TELL, f"still running after {age_s:.0f} s: {said}"
        await _conclude(conn, row, seen, said, still_early=still_early, again_s=site.timings.verify_every_s)


async def _conclude(
    conn: Connection, row: Row, seen: http.Probe, said: str, *, still_early: bool, again_s: float
) -> None:
    key = str(row["id"])
    detail = {"probe": said}
    if seen is http.Probe.SAW_EFFECT:
        await executions.move(conn, row["id"], State.UNKNOWN, State.SUCCEEDED, Reason.PROBE_SAW_EFFECT, detail=detail)
        # Without a lock: the dead worker's job still holds that of the execution.
        await jobs.defer(conn, "start_verifying", execution_id=key)
    elif seen is http.Probe.RUNNING or (seen is http.Probe.NO_EFFECT and still_early):
        await jobs.at(conn, "probe_execution", key, delay_s=again_s, execution_id=key)
    elif seen is http.Probe.NO_EFFECT:
        await executions.move(conn, row["id"], State.UNKNOWN, State.FAILED, Reason.PROBE_SAW_NO_EFFECT, detail=detail)
        await jobs.defer(conn, "settle", execution_id=key)
    else:
        await executions.move(
            conn, row["id"], State.UNKNOWN, State.NEEDS_HUMAN, Reason.PROBE_CANNOT_TELL, detail=detail
        )
        # Its resource is blocked until a person has looked, so a person is told whatever else the incident does.
        await jobs.defer(conn, "page_incident", incident_id=str(row["incident_id"]), kind=f"needs_human:{key}")
        await resume(conn, row["incident_id"])
