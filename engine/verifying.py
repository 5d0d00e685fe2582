"""After an action: verify by signals, watch for a regression, and settle what it teaches."""

from uuid import UUID

from core.execution import Reason, State, outcome_of
from core.incident import IncidentState
from core.rates import Outcome
from core.site import Site
from core.verdict import Check, CheckState, Verdict, VerdictState, judge
from engine.healing import resume
from engine.house import House
from engine.signals import Signals, read_signals
from knowledge.memory import remember
from knowledge.records import track_records
from store import diagnoses, executions, incidents, jobs, timeline
from store.pool import Connection, Row, now
from tools.act.proposals import current_playbooks

ENDS = {
    VerdictState.VERIFIED: (State.VERIFIED, Reason.SIGNALS_GOOD),
    VerdictState.INEFFECTIVE: (State.INEFFECTIVE, Reason.SIGNALS_BAD),
    VerdictState.INCONCLUSIVE: (State.INCONCLUSIVE, Reason.SIGNALS_MISSING),
}
BAD_CHECKS_TO_REGRESS = 2


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
        verdict = await _verdict(conn, site, row, signals)
        if verdict.state is VerdictState.PENDING:
            await _next_check(conn, "verify_execution", row, site)
            return
        after, reason = ENDS[verdict.state]
        body = {"execution_id": execution_id, "verdict": verdict.state, "signals": signals.detail}
        await timeline.append(conn, row["incident_id"], "verdict", reason=verdict.reason, body=body)
        await executions.move(conn, row["id"], State.VERIFYING, after, reason, token=row["token"])
        if after is State.VERIFIED:
            await _mitigated(conn, incident)
            await _next_check(conn, "watch_execution", row, site)
        else:
            await jobs.defer(conn, "settle", execution_id=execution_id)


async def _mitigated(conn: Connection, incident: Row) -> None:
    before = [IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.ESCALATED]
    if await incidents.set_state(conn, incident["id"], IncidentState.MITIGATED, by="nightshift", only_from=before):
        await timeline.append(conn, incident["id"], "incident.mitigated", reason="verified")


async def watch_execution(house: House, execution_id: str) -> None:
    """One check inside the watch window: bad twice in a row is a regression; the end of the window is stable."""
    site = await house.site()
    row, _, signals = await _check(house, site, UUID(execution_id), State.VERIFIED)
    if row is None or signals is None:
        return
    async with house.store.begin() as conn:
        await executions.add_check(conn, row["id"], state=signals.state, traffic=signals.traffic, detail=signals.detail)
        checks = await executions.checks(conn, row["id"])
        last = [check["state"] for check in checks[-BAD_CHECKS_TO_REGRESS:]]
        if last == [CheckState.BAD] * BAD_CHECKS_TO_REGRESS:
            detail = {"signals": signals.detail}
            await executions.move(conn, row["id"], State.VERIFIED, State.REGRESSED, Reason.CAME_BACK, detail=detail)
        elif await _watched_long_enough(conn, site, row) and signals.state is CheckState.GOOD:
            await executions.move(conn, row["id"], State.VERIFIED, State.STABLE, Reason.STAYED_GOOD)
        else:
            # Missing data at the end of the window proves nothing: the watch goes on until there is some.
            await _next_check(conn, "watch_execution", row, site)
            return
        await jobs.defer(conn, "settle", execution_id=execution_id)


async def _watched_long_enough(conn: Connection, site: Site, row: Row) -> bool:
    book = (await current_playbooks(conn, site)).get(row["playbook_id"])
    watch_s = book.watch_s if book else 0.0
    return bool((await now(conn) - row["updated_at"]).total_seconds() >= watch_s)


async def settle(house: House, execution_id: str) -> None:
    """Learn from a final state, once, and let the incident's thread go on."""
    async with house.store.begin() as conn:
        row = await executions.get(conn, UUID(execution_id))
        outcome = outcome_of(State(row["state"]))
        incident = await incidents.get(conn, row["incident_id"])
        if outcome is not None and await executions.learn(conn, row["id"], outcome):
            await _learned(conn, incident, row, outcome)
        if row["origin"] == "person" and row["state"] != State.STABLE:
            # No thread waits for what a person asked for, so the person is told here.
            await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind=f"{row['state']}:{row['id']}")
        await resume(conn, row["incident_id"])


async def _learned(conn: Connection, incident: Row, row: Row, outcome: Outcome) -> None:
    diagnosis = await diagnoses.get(conn, incident["id"], row["attempt"]) or {}
    await remember(conn, incident, row, diagnosis, outcome)
    records = await track_records(conn, incident["signature"], [row["playbook_id"]])
    record = records[row["playbook_id"]]
    body = {"playbook": row["playbook_id"], "record": record.words(), "execution_id": str(row["id"])}
    await timeline.append(conn, incident["id"], "learned", reason=outcome, body=body)


async def _check(house: House, site: Site, execution_id: UUID, state: State) -> tuple[Row | None, Row, Signals | None]:
    """The execution, its incident and its signals now; no signals where it has left the state meanwhile."""
    async with house.store.begin() as conn:
        row = await executions.get(conn, execution_id)
        incident = await incidents.get(conn, row["incident_id"])
        moment = await now(conn)
    if row["state"] != state:
        return None, incident, None
    return row, incident, await read_signals(house, site, incident, row, moment)


async def _verdict(conn: Connection, site: Site, row: Row, signals: Signals) -> Verdict:
    checks = [
        Check(check["at"], CheckState(check["state"]), check["traffic"], check["detail"])
        for check in await executions.checks(conn, row["id"])
    ]
    book = (await current_playbooks(conn, site)).get(row["playbook_id"])
    return judge(
        checks,
        acted_at=row["finished_at"].timestamp(),
        now=(await now(conn)).timestamp(),
        window_s=signals.window_s,
        interval_s=signals.interval_s,
        within_s=book.verify_within_s if book else 0.0,
        usual_traffic=signals.usual_traffic if row["usual_traffic"] is None else row["usual_traffic"],
    )


async def _next_check(conn: Connection, task: str, row: Row, site: Site) -> None:
    key = str(row["id"])
    await jobs.at(conn, task, key, delay_s=site.timings.verify_every_s, execution_id=key)
