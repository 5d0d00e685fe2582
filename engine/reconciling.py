"""After a lost database: what the logbook knows of and this copy does not is found, blocked, and told.

Run at every start, and whenever the database turns out to be another. A copy that is older than what this machine
remembers, or that was used elsewhere before, only observes until a person says otherwise.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from core.errors import NotFound
from core.execution import ATTEMPTED, Reason, State
from engine.logbook import Logbook
from store import approvals, audit, epochs, executions, gate, incidents, jobs, timeline
from store.pool import Connection, Store
from store.site import set_switch, switch_is_on

log = structlog.get_logger(__name__)

OBSERVE_ONLY = "observe_only"
Line = Mapping[str, Any]


async def notice(store: Store, logbook: Logbook, seen: int) -> int:
    """Is it still the database in which this process saw epoch `seen`? Else reconcile. The newest epoch now."""
    async with store.begin() as conn:
        here = await epochs.get(conn)
    if here["is_moved"] or here["epoch"] < seen:
        await reconcile(store, logbook, seen=seen)
    return max(int(here["epoch"]), seen)


async def reconcile(store: Store, logbook: Logbook, *, seen: int = 0) -> int:
    """Compare the logbook with the database; how many actions this copy did not know as begun.

    `seen` is the epoch that this process has seen in it before.
    """
    lines = await _intents(logbook)
    async with store.begin() as conn:
        found = await _compare(conn, lines, seen)
        if found.is_copy:
            # Only then: a start, and what this process has to sweep up, must not wait for one that hangs at the gate.
            await gate.lock(conn)
            found = await _compare(conn, lines, seen)
        if not found.is_copy:
            await epochs.catch_up(conn, found.newest)
            return 0
        why = (
            f"this database is a copy: it stands at action {found.epoch} of {found.newest}, {len(found.lost)} are lost"
        )
        log.warning("database.restored", epoch=found.epoch, newest=found.newest, lost=len(found.lost))
        await _observe(conn, why)
        await _void(conn, why)
        await _adopt(conn, found.lost)
        await epochs.catch_up(conn, found.newest)
        return len(found.lost)


@dataclass(frozen=True)
class Found:
    """The logbook beside the database: where each stands, and what began by the one and not by the other."""

    epoch: int
    newest: int
    lost: Sequence[Line]
    is_copy: bool


async def _compare(conn: Connection, lines: Sequence[Line], seen: int) -> Found:
    here = await epochs.get(conn)
    own = [line for line in lines if line["database_id"] == str(here["database_id"])]
    if len(own) < len(lines):
        log.warning("logbook.of_other_databases", lines=len(lines) - len(own))
    newest = max([seen, *(int(line["epoch"]) for line in own)])
    states = await executions.states(conn, [UUID(line["execution_id"]) for line in own])
    lost = [line for line in own if states.get(UUID(line["execution_id"])) not in ATTEMPTED]
    return Found(here["epoch"], newest, lost, bool(lost) or newest > here["epoch"] or here["is_moved"])


async def _intents(logbook: Logbook) -> list[Line]:
    try:
        return await asyncio.to_thread(lambda: [line for line in logbook.read() if line["kind"] == "intent"])
    except OSError as error:
        log.warning("logbook.unreadable", directory=str(logbook.directory), error=repr(error))
        return []


async def _observe(conn: Connection, why: str) -> None:
    if not await switch_is_on(conn, OBSERVE_ONLY):
        await set_switch(conn, OBSERVE_ONLY, True, by="nightshift", reason=why)
    await audit.write(conn, actor="nightshift", action="database.restored", subject="database", reason=why)


async def _void(conn: Connection, why: str) -> None:
    """Nobody who approved something then knows what has happened since."""
    await approvals.void_all(conn, why)
    for row in await executions.waiting(conn):
        await executions.move(conn, row["id"], State(row["state"]), State.EXPIRED, Reason.RESTORED_COPY)


async def _adopt(conn: Connection, lost: Sequence[Line]) -> None:
    """Newest first: the last action on a resource blocks it, those before it had ended in some way."""
    for line in sorted(lost, key=lambda one: int(one["epoch"]), reverse=True):
        await _incident(conn, line)
        blocked = await executions.open_on(conn, line["intent"]["resource_id"])
        state = State.INCONCLUSIVE if blocked else State.UNKNOWN
        if not await executions.adopt(conn, line, state):
            continue
        key, incident_id = line["execution_id"], line["incident_id"]
        if state is State.UNKNOWN:
            await jobs.at(conn, "probe_execution", key, delay_s=0.0, execution_id=key)
        await jobs.defer(conn, "page_incident", incident_id=incident_id, kind=f"restored:{line['epoch']}")


async def _incident(conn: Connection, line: Line) -> None:
    """The incident of a lost action, or a stand-in with its id where that is lost too."""
    incident_id = UUID(line["incident_id"])
    try:
        await incidents.get(conn, incident_id)
    except NotFound:
        made = {
            "id": str(incident_id),
            "priority": "P2",
            "group_key": f"restored:{incident_id}",
            "environment": line["environment"],
            "cluster": "",
            "service": line["service"],
            "title": f"Lost with the database: {line['intent']['playbook_id']} on {line['intent']['resource_id']}",
            "signature": line["signature"],
            "started_at": datetime.fromisoformat(line["at"]).isoformat(),
        }
        await incidents.create(conn, [made])
        body = {"found": "in the logbook", "number_then": line["incident_number"]}
        await timeline.append(conn, incident_id, "incident.opened", reason=Reason.FOUND_IN_LOGBOOK, body=body)
