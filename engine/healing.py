"""Executing an approved action: claim, look, check again and commit the intent, act once, record.

Whatever happens in between, the action is attempted at most once. A worker that dies after the intent leaves
`running`, which the sweeper turns into `unknown`; nothing ever leads from there back to a second attempt.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from uuid import UUID

import structlog

from core.errors import IllegalTransition, Unavailable
from core.execution import Reason, State
from core.intent import Intent
from core.playbook import Playbook
from core.policy import Candidate, Verb, decide
from core.site import Site
from core.verdict import CheckState
from engine.house import House
from engine.signals import Signals, read_signals
from store import approvals, executions, incidents, jobs
from store.pool import Connection, Row, now
from store.site import newest as newest_site
from tools.act import http
from tools.act.gate import read_facts
from tools.act.inventory import read_inventory
from tools.act.proposals import current_playbooks

log = structlog.get_logger(__name__)

TRY_CLAIM_AGAIN_S = 2.0
LOOK_SHARE = 3
"""Looking may take this part of the lease."""
EFFECTS = {
    http.Effect.DONE: (State.SUCCEEDED, Reason.TARGET_DONE),
    http.Effect.REFUSED: (State.FAILED, Reason.TARGET_REFUSED),
    http.Effect.UNKNOWN: (State.UNKNOWN, Reason.ANSWER_LOST),
}


async def execute(house: House, execution_id: str) -> None:
    """Run one approved execution; does nothing where it is not approved (any more)."""
    site = await house.site()
    row = await _claim(house, UUID(execution_id), site)
    if row is None:
        return
    house.crashpoints.reach("claimed")
    signals = await _look(house, site, row)
    committing_at = monotonic()
    ready = await _commit_intent(house, site, row, signals)
    if ready is None:
        return
    playbook, intent = ready
    house.crashpoints.reach("running")
    # A worker that was paused for about as long as its lease must not send any more.
    if monotonic() - committing_at > site.timings.lease_s / 2:
        answer = http.Answer(http.Effect.REFUSED, "nothing was sent: this worker was held up after its intent")
    else:
        endpoint = site.endpoint_by_id(intent.endpoint_id)
        assert endpoint is not None, "the gate has just checked it"
        async with _kept_lease(house, row, site.timings.lease_s):
            answer = await http.call(endpoint, intent.parameters, execution_id, timeout_s=playbook.action_s_max)
    house.crashpoints.reach("acted")
    await _record(house, row, answer)


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


async def _look(house: House, site: Site, row: Row) -> Signals:
    """Read the target's state, outside any transaction."""
    async with house.store.begin() as conn:
        incident = await incidents.get(conn, row["incident_id"])
        moment = await now(conn)
    bound_s = site.timings.lease_s / LOOK_SHARE
    try:
        async with asyncio.timeout(bound_s):
            return await read_signals(house, site, incident, row, moment)
    except TimeoutError:
        said = f"the signals did not answer within {bound_s:.1f} s"
        return Signals(CheckState.MISSING, said, None, None, 0.0, site.timings.verify_every_s)


async def _commit_intent(house: House, site: Site, row: Row, signals: Signals) -> tuple[Playbook, Intent] | None:
    """The short second transaction: token, lease, gate, approval, and what was read; then the intent is committed."""
    async with house.store.begin() as conn:
        # One at a time, so that limits and the kill switch hold for what the others commit at this moment too.
        await executions.lock_gate(conn)
        playbook, intent, fault = await _fault(conn, site, row, signals)
        if fault or playbook is None:
            await _invalidate(conn, row, fault)
            return None
        if await executions.commit_intent(conn, row["id"], row["token"], lease_s=site.timings.lease_s) is None:
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
        house.crashpoints.reach("before_intent")
    return playbook, intent


async def _fault(conn: Connection, site: Site, row: Row, signals: Signals) -> tuple[Playbook | None, Intent, str]:
    """Why the approved action must not run now, if so."""
    intent = Intent.stored(row["intent"], row["observed"])
    incident = await incidents.get(conn, row["incident_id"])
    playbook = (await current_playbooks(conn, site)).get(intent.playbook_id)
    inventory = await read_inventory(conn, site, incident)
    facts = await read_facts(conn, inventory, intent, except_execution=row["id"])
    decision = decide(Candidate(intent, playbook), facts)
    if decision.verb is not Verb.ASK:
        return playbook, intent, f"{decision.guardrail}: {decision.detail}"
    if playbook is not None and playbook.version != intent.playbook_version:
        return playbook, intent, f"the playbook changed to version {playbook.version} since it was approved"
    newest = await newest_site(conn)
    if (newest["version"] if newest else 0) != intent.policy_version:
        return playbook, intent, "the site's policy changed since it was approved"
    service = str(intent.parameters.get("service", incident["service"]))
    release = inventory.current.get(service, "")
    if release != intent.observed.get("release", ""):
        return playbook, intent, f"{service} runs {release} by now, not {intent.observed.get('release')}"
    if signals.state is CheckState.GOOD:
        return playbook, intent, "the symptom is gone: it recovered alone"
    return playbook, intent, ""


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


async def _record(house: House, row: Row, answer: http.Answer) -> None:
    after, reason = EFFECTS[answer.effect]
    key = str(row["id"])
    try:
        async with house.store.begin() as conn:
            await executions.move(
                conn, row["id"], State.RUNNING, after, reason, token=row["token"], detail={"answer": answer.detail}
            )
            if after is State.SUCCEEDED:
                await jobs.defer(conn, "start_verifying", execution_id=key)
            elif after is State.UNKNOWN:
                await jobs.at(conn, "probe_execution", key, delay_s=0.0, execution_id=key)
            else:
                await jobs.defer(conn, "settle", execution_id=key)
    except IllegalTransition:
        # The lease ran out meanwhile and the sweeper said `unknown`: the probe or a human will find out.
        log.warning("execution.answer_came_late", execution=key, answer=answer.detail)


async def resume(conn: Connection, incident_id: UUID) -> None:
    """Let the incident's thread read its outcome."""
    key = str(incident_id)
    await jobs.defer(conn, "resume_incident", lock=f"run_incident:{key}", incident_id=key)
