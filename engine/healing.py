"""Executing an approved action: claim, look, check again and commit the intent, act once, record.

Whatever happens in between, the action is attempted at most once. A worker that dies after the intent leaves
`running`, which the sweeper turns into `unknown`; nothing ever leads from there back to a second attempt.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any
from uuid import UUID

import structlog

from core.errors import IllegalTransition, Unavailable
from core.execution import Reason, State
from core.intent import Intent
from core.playbook import Playbook
from core.site import Site
from core.verdict import CheckState
from engine.house import House
from engine.preflight import fault_of
from engine.signals import Signals, read_signals
from store import approvals, epochs, executions, gate, incidents, jobs
from store.pool import Connection, Row, now
from tools.act import hands
from tools.act.actuator import Answer, Effect, Order, refused
from tools.act.ruling import ruled
from tools.act.sight import Sights, look_for

log = structlog.get_logger(__name__)

TRY_CLAIM_AGAIN_S = 2.0
LOOK_SHARE = 3
"""Looking may take this part of the lease."""
RECORD_TRIES_MAX = 120
RECORD_AGAIN_S = 1.0
EFFECTS = {
    Effect.DONE: (State.SUCCEEDED, Reason.TARGET_DONE),
    Effect.REFUSED: (State.FAILED, Reason.TARGET_REFUSED),
    Effect.UNKNOWN: (State.UNKNOWN, Reason.ANSWER_LOST),
}


async def execute(house: House, execution_id: str) -> None:
    """Run one approved execution; does nothing where it is not approved (any more)."""
    site = await house.site()
    row = await _claim(house, UUID(execution_id), site)
    if row is None:
        return
    async with house.store.begin() as conn:
        site = await ruled(conn, site)
    house.crashpoints.reach("claimed")
    signals, sights = await _look(house, site, row)
    ready = await _commit_intent(house, site, row, signals, sights)
    if ready is None:
        return
    playbook, intent, line, leased_at = ready
    answer = await _noted(house, line)
    house.crashpoints.reach("running")
    # A worker that was paused for about as long as its lease must not send any more.
    if monotonic() - leased_at > site.timings.lease_s / 2:
        answer = refused("this worker was held up after its intent")
    elif answer is None:
        order = Order(site, intent, execution_id, timeout_s=playbook.action_s_max, card=row["card"])
        async with _kept_lease(house, row, site.timings.lease_s):
            answer = await hands.act(order)
    house.crashpoints.reach("acted")
    await _record(house, row, answer)


async def _noted(house: House, line: dict[str, Any]) -> Answer | None:
    """Write the intent into the logbook, on disk before the first byte leaves; where that fails, nothing is sent."""
    try:
        await asyncio.to_thread(house.logbook.write, "intent", **line)
    except OSError as error:
        log.warning("logbook.not_written", error=repr(error))
        return refused(f"the logbook cannot be written ({error.strerror})")
    return None


@asynccontextmanager
async def _kept_lease(house: House, row: Row, lease_s: float) -> AsyncIterator[None]:
    """Prolong the lease while the action runs: a dead worker is noticed soon, however long an action may take."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(lease_s / 3)
            with suppress(Unavailable):
                async with house.store.begin() as conn:
                    await executions.renew(conn, row["id"], row["token"], lease_s=lease_s)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _claim(house: House, execution_id: UUID, site: Site) -> Row | None:
    async with house.store.begin() as conn:
        row = await executions.claim(conn, execution_id, house.owner, lease_s=site.timings.lease_s)
        if row is None and (await executions.get(conn, execution_id))["state"] == State.APPROVED:
            # Its resource is busy; the approval's expiry bounds how long this goes on.
            key = str(execution_id)
            await jobs.at(conn, "execute", key, delay_s=TRY_CLAIM_AGAIN_S, execution_id=key)
        return row


async def _look(house: House, site: Site, row: Row) -> tuple[Signals, Sights]:
    """Read the signals and the target's own state, outside any transaction."""
    async with house.store.begin() as conn:
        incident = await incidents.get(conn, row["incident_id"])
        moment = await now(conn)
    bound_s = site.timings.lease_s / LOOK_SHARE
    try:
        async with asyncio.timeout(bound_s):
            intent = Intent.stored(row["intent"], row["observed"])
            signals, sights = await asyncio.gather(
                read_signals(house, site, incident, row, moment), look_for(site, intent)
            )
            return signals, sights
    except TimeoutError:
        said = f"the signals did not answer within {bound_s:.1f} s"
        return Signals(CheckState.MISSING, said, None, None, 0.0, site.timings.verify_every_s), {}


async def _commit_intent(
    house: House, site: Site, row: Row, signals: Signals, sights: Sights
) -> tuple[Playbook, Intent, dict[str, Any], float] | None:
    """The short second transaction: token, lease, gate, approval, and what was read; then the intent is committed.

    The playbook, the intent, the line of the logbook for it, and when its lease began at the latest (monotonic
    seconds, not counting how long the others at the gate took); None where it must not run.
    """
    async with house.store.begin() as conn:
        # One at a time, so that limits and the kill switch hold for what the others commit at this moment too.
        await gate.lock(conn)
        playbook, intent, fault = await fault_of(conn, site, row, signals, sights)
        if fault or playbook is None:
            await _invalidate(conn, row, fault)
            return None
        leased_at = monotonic()
        stamped = await executions.commit_intent(conn, row["id"], row["token"], lease_s=site.timings.lease_s)
        if stamped is None:
            log.warning("execution.lease_lost", execution=str(row["id"]))
            return None
        if not await approvals.consume(conn, row["id"], intent.hash):
            await _invalidate(conn, row, "the approval is used, expired, or for another action")
            return None
        await executions.set_usual_traffic(conn, row["id"], signals.usual_traffic)
        detail = {"before": signals.state, "reading": signals.detail}
        await executions.move(
            conn, row["id"], State.CLAIMED, State.RUNNING, Reason.INTENT_COMMITTED, token=row["token"], detail=detail
        )
        epoch = await epochs.advance(conn)
        if epoch["epoch"] <= house.epoch_seen:
            # Another, older copy took the place of the database under this very process: the sweep will see to it.
            raise Unavailable(f"the database went back to action {epoch['epoch']}, it was at {house.epoch_seen}")
        line = _line(stamped, await incidents.get(conn, row["incident_id"]), epoch)
        house.crashpoints.reach("before_intent")
    house.epoch_seen = max(house.epoch_seen, epoch["epoch"])
    return playbook, intent, line, leased_at


def _line(row: Row, incident: Row, epoch: Row) -> dict[str, Any]:
    """Everything that a copy of the database from before this moment would need to know of it."""
    return {
        **{name: row[name] for name in ("attempt", "requester", "signature", "environment", "intent", "intent_hash")},
        "execution_id": str(row["id"]),
        "incident_id": str(incident["id"]),
        "incident_number": incident["number"],
        "service": incident["service"],
        "token": row["token"],
        "at": row["acted_at"].isoformat(),
        "database_id": str(epoch["database_id"]),
        "epoch": epoch["epoch"],
    }


async def _invalidate(conn: Connection, row: Row, fault: str) -> None:
    approval = await approvals.of_execution(conn, row["id"])
    if approval:
        await approvals.withdraw(conn, approval["id"], "superseded")
    await executions.move(
        conn,
        row["id"],
        State.CLAIMED,
        State.INVALIDATED,
        Reason.PREFLIGHT_REFUSED,
        token=row["token"],
        detail={"fault": fault},
    )
    await resume(conn, row["incident_id"])


async def _record(house: House, row: Row, answer: Answer) -> None:
    """Store the answer; the database may be away for a while, so it is in the logbook first."""
    key = str(row["id"])
    with suppress(OSError):
        await asyncio.to_thread(
            house.logbook.write,
            "answer",
            execution_id=key,
            token=row["token"],
            effect=answer.effect,
            said=answer.detail,
        )
    for _ in range(RECORD_TRIES_MAX):
        try:
            async with house.store.begin() as conn:
                await _settle(conn, row, State.RUNNING, *EFFECTS[answer.effect], answer)
            return
        except Unavailable as error:
            log.warning("execution.answer_waits", execution=key, error=error.detail)
            await asyncio.sleep(RECORD_AGAIN_S)
        except IllegalTransition:
            break
    # The lease ran out meanwhile and the sweeper said `unknown`; what the target answered is known here all the same.
    log.warning("execution.answer_came_late", execution=key, answer=answer.detail)
    if answer.effect is not Effect.UNKNOWN:
        with suppress(IllegalTransition, Unavailable):
            async with house.store.begin() as conn:
                after = EFFECTS[answer.effect][0]
                await _settle(conn, row, State.UNKNOWN, after, Reason.LOGBOOK_HAS_ANSWER, answer)


async def _settle(conn: Connection, row: Row, before: State, after: State, reason: Reason, answer: Answer) -> None:
    key, detail = str(row["id"]), {"answer": answer.detail}
    await executions.move(conn, row["id"], before, after, reason, token=row["token"], detail=detail)
    if after is State.SUCCEEDED:
        await jobs.defer(conn, "start_verifying", execution_id=key)
    elif after is State.UNKNOWN:
        await jobs.at(conn, "probe_execution", key, delay_s=0.0, execution_id=key)
    else:
        await jobs.defer(conn, "settle", execution_id=key)


async def resume(conn: Connection, incident_id: UUID) -> None:
    """Let the incident's thread read its outcome."""
    key = str(incident_id)
    await jobs.defer(conn, "resume_incident", lock=f"run_incident:{key}", incident_id=key)
