"""After an action: verify by signals, watch for a regression, and settle what it teaches."""

from uuid import UUID

from core.execution import Reason, State, outcome_of
from core.incident import IncidentState
from core.rates import Outcome
from core.site import Site
from core.verdict import Check, CheckState, Verdict, VerdictReason, VerdictState, judge, watch
from engine.healing import resume
from engine.house import House
from engine.learning import learned
from engine.signals import Signals, read_signals, was_well
from engine.undoing import cascade_after
from store import audit, executions, incidents, jobs, timeline
from store.pool import Connection, Row, now
from tools.act.proposals import current_playbooks

ENDS = {
    VerdictState.VERIFIED: (State.VERIFIED, Reason.SIGNALS_GOOD),
    VerdictState.INEFFECTIVE: (State.INEFFECTIVE, Reason.SIGNALS_BAD),
    VerdictState.INCONCLUSIVE: (State.INCONCLUSIVE, Reason.SIGNALS_MISSING),
}
ALONE = "recovered_alone"
"""In a result: the signals were good before the action could have had an effect."""


async def start_verifying(house: House, execution_id: str) -> None:
    """succeeded -> verifying, and the first check is due."""
    site = await house.site()
    async with house.store.begin() as conn:
        row = await executions.get(conn, UUID(execution_id))
        if row["state"] == State.SUCCEEDED:
            await executions.move(
                conn, row["id"], State.SUCCEEDED, State.VERIFYING, Reason.VERIFICATION_STARTED, token=row["token"]
            )
            await _next_check(conn, "verify_execution", row, site)


async def verify_execution(house: House, execution_id: str) -> None:
    """One check and the verdict so far; the next check is due until there is one."""
    site = await house.site()
    row, incident, signals = await _check(house, site, UUID(execution_id), State.VERIFYING)
    if row is None or signals is None:
        return
    async with house.store.begin() as conn:
        await executions.add_check(conn, row["id"], state=signals.state, traffic=signals.traffic, detail=signals.detail)
        if await _stopped(conn, site, incident, row, State.INEFFECTIVE):
            return
        verdict = await _verdict(conn, site, row, signals)
        if verdict.state is VerdictState.PENDING:
            await _next_check(conn, "verify_execution", row, site)
            return
    # Sources tell late, so only now is it known how things were when the action was taken.
    alone = verdict.state is VerdictState.VERIFIED and await was_well(house, site, incident, row, row["acted_at"])
    async with house.store.begin() as conn:
        await _conclude(conn, site, incident, row, verdict, signals.detail, alone=alone)


async def _conclude(
    conn: Connection, site: Site, incident: Row, row: Row, verdict: Verdict, seen: str, *, alone: bool
) -> None:
    after, reason = ENDS[verdict.state]
    key, why = str(row["id"]), VerdictReason.RECOVERED_ALONE if alone else verdict.reason
    body = {"execution_id": key, "verdict": verdict.state, "signals": seen}
    await timeline.append(conn, row["incident_id"], "verdict", reason=why, body=body)
    detail = {"verdict": why, ALONE: alone}
    await executions.move(conn, row["id"], State.VERIFYING, after, reason, token=row["token"], detail=detail)
    if after is State.VERIFIED:
        await _mitigated(conn, incident)
        await _next_check(conn, "watch_execution", row, site)
    else:
        await jobs.defer(conn, "settle", execution_id=key)


async def _mitigated(conn: Connection, incident: Row) -> None:
    before = [IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.ESCALATED]
    if await incidents.set_state(conn, incident["id"], IncidentState.MITIGATED, by="nightshift", only_from=before):
        await timeline.append(conn, incident["id"], "incident.mitigated", reason="verified")


async def watch_execution(house: House, execution_id: str) -> None:
    """One check inside the watch window, and whether it came back, stayed good, or cannot be told any more."""
    site = await house.site()
    row, incident, signals = await _check(house, site, UUID(execution_id), State.VERIFIED)
    if row is None or signals is None or row["outcome"] is not None:
        return
    async with house.store.begin() as conn:
        await executions.add_check(conn, row["id"], state=signals.state, traffic=signals.traffic, detail=signals.detail)
        if await _stopped(conn, site, incident, row, State.REGRESSED):
            return
        book = (await current_playbooks(conn, site)).get(row["playbook_id"])
        verdict = watch(
            await _checks(conn, row),
            now=(await now(conn)).timestamp(),
            verified_at=row["updated_at"].timestamp(),
            watch_s=book.watch_s if book else 0.0,
            interval_s=signals.interval_s,
        )
        detail = {"signals": signals.detail}
        if verdict.state is VerdictState.PENDING:
            await _next_check(conn, "watch_execution", row, site)
            return
        if verdict.state is VerdictState.REGRESSED:
            await executions.move(conn, row["id"], State.VERIFIED, State.REGRESSED, Reason.CAME_BACK, detail=detail)
            await jobs.defer(conn, "propose_way_back", execution_id=execution_id, why=Reason.CAME_BACK)
        elif verdict.state is VerdictState.STABLE:
            await executions.move(conn, row["id"], State.VERIFIED, State.STABLE, Reason.STAYED_GOOD, detail=detail)
        else:
            await _watch_ended(conn, row, verdict, signals.detail)
        await jobs.defer(conn, "settle", execution_id=execution_id)


async def _watch_ended(conn: Connection, row: Row, verdict: Verdict, seen: str) -> None:
    """Its signals stay away. It was verified, and that is all that anybody will know: only the outcome says so."""
    if await executions.learn(conn, row["id"], Outcome.INCONCLUSIVE):
        body = {"execution_id": str(row["id"]), "verdict": verdict.state, "signals": seen}
        await timeline.append(conn, row["incident_id"], "verdict", reason=verdict.reason, body=body)
        await audit.write(
            conn, actor="nightshift", action="execution.watch_ended", subject=f"execution:{row['id']}",
            reason=verdict.reason, token=row["token"], detail={"signals": seen},
        )  # fmt: skip


async def _stopped(conn: Connection, site: Site, incident: Row, row: Row, after: State) -> bool:
    """A neighbour alarms since the action: the watch ends here, marked, and the way back is proposed."""
    cascade = await cascade_after(conn, site, incident, row)
    if cascade is None:
        return False
    detail = {
        "cascade": cascade.words(), "alarm": cascade.alarm.incident_id, "alarmed": cascade.alarm.service,
    }  # fmt: skip
    body = {"execution_id": str(row["id"]), "verdict": after, **detail}
    await timeline.append(conn, incident["id"], "verdict", reason=VerdictReason.CASCADE, body=body)
    await timeline.append(conn, UUID(cascade.alarm.incident_id), "cascade", reason=VerdictReason.CASCADE, body=body)
    await executions.move(
        conn, row["id"], State(row["state"]), after, Reason.CASCADE, token=row["token"], detail=detail
    )
    await jobs.defer(conn, "propose_way_back", execution_id=str(row["id"]), why=Reason.CASCADE)
    await jobs.defer(conn, "settle", execution_id=str(row["id"]))
    return True


async def settle(house: House, execution_id: str) -> None:
    """Learn from a final state, once, and let the incident's thread go on."""
    site = await house.site()
    async with house.store.begin() as conn:
        row = await executions.get(conn, UUID(execution_id))
        outcome = outcome_of(State(row["state"]), recovered_alone=bool(row["result"].get(ALONE)))
        incident = await incidents.get(conn, row["incident_id"])
        if outcome is not None and await executions.learn(conn, row["id"], outcome):
            await learned(conn, site, incident, row, outcome)
        if row["origin"] == "person" and row["state"] != State.STABLE:
            # No thread waits for what a person asked for, so the person is told here.
            await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind=f"{row['state']}:{row['id']}")
        await resume(conn, row["incident_id"])


async def _check(house: House, site: Site, execution_id: UUID, state: State) -> tuple[Row | None, Row, Signals | None]:
    """The execution, its incident and its signals now; no signals where it has left the state meanwhile."""
    async with house.store.begin() as conn:
        row = await executions.get(conn, execution_id)
        incident = await incidents.get(conn, row["incident_id"])
        moment = await now(conn)
    if row["state"] != state:
        return None, incident, None
    return row, incident, await read_signals(house, site, incident, row, moment)


async def _checks(conn: Connection, row: Row) -> list[Check]:
    return [
        Check(check["at"], CheckState(check["state"]), check["traffic"], check["detail"])
        for check in await executions.checks(conn, row["id"])
    ]


async def _verdict(conn: Connection, site: Site, row: Row, signals: Signals) -> Verdict:
    book = (await current_playbooks(conn, site)).get(row["playbook_id"])
    return judge(
        await _checks(conn, row),
        acted_at=row["finished_at"].timestamp(),
        now=(await now(conn)).timestamp(),
        window_s=signals.window_s,
        interval_s=signals.interval_s,
        within_s=book.verify_within_s if book else 0.0,
        usual_traffic=signals.usual_traffic if row["usual_traffic"] is None else row["usual_traffic"],
        counts_traffic=signals.counts_traffic,
    )


async def _next_check(conn: Connection, task: str, row: Row, site: Site) -> None:
    key = str(row["id"])
    await jobs.at(conn, task, key, delay_s=site.timings.verify_every_s, execution_id=key)
