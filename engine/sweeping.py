"""What time does to executions: lost leases, expired approvals, and the read-only probe of an unknown outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog

from core.errors import Contended
from core.execution import Reason, State
from core.intent import Intent
from engine.healing import resume
from engine.house import House
from engine.reconciling import notice
from store import approvals, executions, jobs
from store.pool import Connection, Row, be_brief, now
from tools.act import hands
from tools.act.actuator import Effect, Order, Probe
from tools.act.proposals import current_playbooks

log = structlog.get_logger(__name__)

CLOCK_MARGIN_S = 2.0
RUNNING_FACTOR_MAX = 10
FORGOTTEN_S = 30.0
LOCK_WAIT_MS = 300
ANSWERS = {Effect.DONE: State.SUCCEEDED, Effect.REFUSED: State.FAILED}
NEXT_STEP = {
    State.SUCCEEDED: "start_verifying",
    State.VERIFYING: "verify_execution",
    State.VERIFIED: "watch_execution",
    State.UNKNOWN: "probe_execution",
}


async def sweep(house: House) -> None:
    """Everything whose time is over, skipping rows that another worker sweeps."""
    house.epoch_seen = await notice(house.store, house.logbook, house.epoch_seen)
    await _each(house, executions.lost_lease, _lost)
    await _each(house, approvals.expired, _expired)
    async with house.store.begin() as conn:
        for row in await executions.forgotten(conn, [*NEXT_STEP], older_than_s=FORGOTTEN_S):
            log.warning("execution.forgotten", execution=str(row["id"]), state=row["state"])
            key = str(row["id"])
            await jobs.at(conn, NEXT_STEP[State(row["state"])], key, delay_s=0.0, execution_id=key)


async def _each(
    house: House,
    find: Callable[[Connection, Sequence[UUID]], Awaitable[Row | None]],
    end: Callable[[Connection, Row], Awaitable[None]],
) -> None:
    """One by one, each in a transaction of its own and without much waiting: who hangs with one incident in hand, on a
    paused machine for example, must not keep the others from their end."""
    tried: list[UUID] = []
    while True:
        row = None
        try:
            async with house.store.begin() as conn:
                await be_brief(conn, lock_wait_ms=LOCK_WAIT_MS)
                row = await find(conn, tried)
                if row is not None:
                    tried.append(row["id"])
                    await end(conn, row)
        except Contended as error:
            log.warning("sweep.waits", error=error.detail)
        if row is None:
            return


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
    if await _answered(house, row):
        return
    order = Order(site, Intent.stored(row["intent"], row["observed"]), execution_id, age_s=age_s, card=row["card"])
    seen, said = await hands.probe(order)
    action_s_max = book.action_s_max if book else 60.0
    # Until the action's own time, the lease and a margin are over, a call may still be on its way.
    still_early = age_s < action_s_max + site.timings.lease_s + CLOCK_MARGIN_S
    async with house.store.begin() as conn:
        if seen is Probe.RUNNING and age_s > RUNNING_FACTOR_MAX * action_s_max:
            seen, said = Probe.CANNOT_TELL, f"still running after {age_s:.0f} s: {said}"
        await _conclude(conn, row, seen, said, still_early=still_early, again_s=site.timings.verify_every_s)


async def _answered(house: House, row: Row) -> bool:
    """Did a worker of this machine get the answer, and could not store it? Its logbook is as good as the target."""
    key = str(row["id"])
    answer = await asyncio.to_thread(house.logbook.answer, key)
    after = ANSWERS.get(answer["effect"]) if answer and answer.get("token") == row["token"] else None
    if answer is None or after is None:
        return False
    async with house.store.begin() as conn:
        detail = {"logbook": str(answer.get("said", ""))}
        await executions.move(
            conn, row["id"], State.UNKNOWN, after, Reason.LOGBOOK_HAS_ANSWER, token=row["token"], detail=detail
        )
        await jobs.defer(conn, "start_verifying" if after is State.SUCCEEDED else "settle", execution_id=key)
    return True


async def _conclude(conn: Connection, row: Row, seen: Probe, said: str, *, still_early: bool, again_s: float) -> None:
    key = str(row["id"])
    detail = {"probe": said}
    if seen is Probe.SAW_EFFECT:
        await executions.move(conn, row["id"], State.UNKNOWN, State.SUCCEEDED, Reason.PROBE_SAW_EFFECT, detail=detail)
        # Without a lock: the dead worker's job still holds that of the execution.
        await jobs.defer(conn, "start_verifying", execution_id=key)
    elif seen is Probe.RUNNING or (seen is Probe.NO_EFFECT and still_early):
        await jobs.at(conn, "probe_execution", key, delay_s=again_s, execution_id=key)
    elif seen is Probe.NO_EFFECT:
        await executions.move(conn, row["id"], State.UNKNOWN, State.FAILED, Reason.PROBE_SAW_NO_EFFECT, detail=detail)
        await jobs.defer(conn, "settle", execution_id=key)
    else:
        await executions.move(
            conn, row["id"], State.UNKNOWN, State.NEEDS_HUMAN, Reason.PROBE_CANNOT_TELL, detail=detail
        )
        # Its resource is blocked until a person has looked, so a person is told whatever else the incident does.
        await jobs.defer(conn, "page_incident", incident_id=str(row["incident_id"]), kind=f"needs_human:{key}")
        await resume(conn, row["incident_id"])
