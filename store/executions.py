"""Executions: every change of state is a compare-and-set with one audit row and one timeline row."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from core.errors import IllegalTransition, NotFound
from core.execution import NOT_BEGUN, Reason, State, check_transition
from core.intent import Intent
from core.rates import Outcome
from store import audit, timeline
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

EXECUTIONS = Queries("executions")


async def propose(conn: Connection, intent: Intent, values: Mapping[str, Any]) -> tuple[Row, bool]:
    """Insert a proposal; for an attempt of the thread that has one already, that one. The row, and whether it is new.

    `values`: incident_id, attempt, origin ('thread' or 'person'), requester, signature, environment.
    """
    params = {
        **values,
        "id": new_id(),
        "playbook_id": intent.playbook_id,
        "playbook_version": intent.playbook_version,
        "action": intent.action,
        "resource_id": intent.resource_id,
        "endpoint_id": intent.endpoint_id,
        "intent": Jsonb(intent.bound()),
        "observed": Jsonb(dict(intent.observed)),
        "intent_hash": intent.hash,
    }
    row = await maybe(conn, EXECUTIONS["propose"], params)
    if row is None:
        return await one(conn, EXECUTIONS["of_attempt"], [values["incident_id"], values["attempt"]]), False
    await _record(conn, row, "", State.PROPOSED, Reason.PROPOSED, str(values["requester"]), {})
    return row, True


async def move(
    conn: Connection,
    execution_id: UUID,
    before: State,
    after: State,
    reason: Reason,
    *,
    actor: str = "nightshift",
    token: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Row:
    """Compare-and-set a state, with the fencing token where the caller holds one.

    Raises IllegalTransition if the drawing has no such arrow, or the row is elsewhere or owned by a newer token.
    """
    check_transition(before, after)
    params = {"id": execution_id, "before": before, "after": after, "token": token, "result": Jsonb(dict(detail or {}))}
    row = await maybe(conn, EXECUTIONS["move"], params)
    if row is None:
        raise IllegalTransition(f"execution {execution_id} is no longer {before} under this token")
    await _record(conn, row, before, after, reason, actor, detail or {})
    return row


async def _record(
    conn: Connection, row: Row, before: str, after: State, reason: Reason, actor: str, detail: Mapping[str, Any]
) -> None:
    await audit.write(
        conn,
        actor=actor,
        action="execution.move",
        subject=f"execution:{row['id']}",
        before=before,
        after=after,
        reason=reason,
        token=row["token"],
        detail=detail,
    )
    body = {"execution_id": str(row["id"]), "playbook": row["playbook_id"], "from": before, "to": after, **detail}
    await timeline.append(conn, row["incident_id"], "execution.changed", actor=actor, reason=reason, body=body)


async def adopt(conn: Connection, line: Mapping[str, Any], state: State) -> bool:
    """Take an action of the logbook (its line) over that this copy of the database does not know as begun.

    Beside the drawing, since this copy was never where the action was. False where it knows it as begun.
    """
    intent = line["intent"]
    params = {
        **{
            name: line[name]
            for name in ("incident_id", "attempt", "requester", "signature", "environment", "token", "at")
        },
        **{name: intent[name] for name in ("playbook_id", "playbook_version", "action", "resource_id", "endpoint_id")},
        "id": line["execution_id"],
        "intent": Jsonb(intent),
        "intent_hash": line["intent_hash"],
        "state": state,
        "not_begun": list(NOT_BEGUN),
    }
    row = await maybe(conn, EXECUTIONS["adopt"], params) or await maybe(conn, EXECUTIONS["adopt_lost"], params)
    if row:
        await _record(conn, row, "", state, Reason.FOUND_IN_LOGBOOK, "nightshift", {"epoch": line["epoch"]})
    return row is not None


async def states(conn: Connection, execution_ids: Sequence[UUID]) -> dict[UUID, State]:
    """Where those of these executions are that this database knows."""
    return {row["id"]: State(row["state"]) for row in await many(conn, EXECUTIONS["states"], [list(execution_ids)])}


async def waiting(conn: Connection) -> list[Row]:
    """What waits for a decision or for a worker, locked."""
    return await many(conn, EXECUTIONS["waiting"])


async def set_decision(conn: Connection, execution_id: UUID, decision: Mapping[str, Any]) -> None:
    """Keep what the gate decided."""
    await conn.execute(EXECUTIONS["set_decision"], [Jsonb(dict(decision)), execution_id])


async def set_card(conn: Connection, execution_id: UUID, card: Mapping[str, Any]) -> None:
    """Keep the card that people will see."""
    await conn.execute(EXECUTIONS["set_card"], [Jsonb(dict(card)), execution_id])


async def get(conn: Connection, execution_id: UUID) -> Row:
    """One execution; NotFound if there is none."""
    row = await maybe(conn, EXECUTIONS["get"], [execution_id])
    if row is None:
        raise NotFound(f"There is no execution {execution_id}.")
    return row


async def of_attempt(conn: Connection, incident_id: UUID, attempt: int) -> Row | None:
    """The thread's proposal of one attempt."""
    return await maybe(conn, EXECUTIONS["of_attempt"], [incident_id, attempt])


async def of_incident(conn: Connection, incident_id: UUID) -> list[Row]:
    """All executions of an incident, oldest first."""
    return await many(conn, EXECUTIONS["of_incident"], [incident_id])


async def claim(conn: Connection, execution_id: UUID, owner: str, *, lease_s: float) -> Row | None:
    """Take an approved execution: token + 1 and a lease. None where it is not approved or its resource is busy."""
    row = await maybe(conn, EXECUTIONS["claim"], {"id": execution_id, "owner": owner, "lease_s": lease_s})
    if row:
        await _record(conn, row, State.APPROVED, State.CLAIMED, Reason.CLAIMED_BY_WORKER, owner, {})
    return row


async def commit_intent(conn: Connection, execution_id: UUID, token: int, *, lease_s: float) -> Row | None:
    """Stamp the moment and begin a new lease; None where the token or lease is lost."""
    return await maybe(conn, EXECUTIONS["commit_intent"], {"id": execution_id, "token": token, "lease_s": lease_s})


async def renew(conn: Connection, execution_id: UUID, token: int, *, lease_s: float) -> None:
    """Prolong the lease of a running action, where it is still this token's."""
    await conn.execute(EXECUTIONS["renew"], {"id": execution_id, "token": token, "lease_s": lease_s})


async def lost_lease(conn: Connection, besides: Sequence[UUID] = ()) -> Row | None:
    """A claimed or running execution whose lease is over, and which is none of some; locked."""
    return await maybe(conn, EXECUTIONS["lost_lease"], [list(besides)])


async def forgotten(conn: Connection, states: Sequence[State], *, older_than_s: float) -> list[Row]:
    """Executions in these states that no timer and no job will move on any more."""
    return await many(conn, EXECUTIONS["forgotten"], [list(states), older_than_s])


async def open_on(conn: Connection, resource_id: str) -> Row | None:
    """The execution that blocks a resource, if any."""
    return await maybe(conn, EXECUTIONS["open_on"], [resource_id])


async def attempts(conn: Connection, incident_id: UUID, playbook_id: str, resource_id: str) -> Row:
    """Committed tries: in this incident by this playbook, the last on this resource, and all of the last hour."""
    params = {"incident": incident_id, "playbook": playbook_id, "resource": resource_id}
    return await one(conn, EXECUTIONS["attempts"], params)


async def alarms_after(
    conn: Connection, environment: str, services: Sequence[str], *, besides: UUID, since: datetime
) -> list[Row]:
    """Open incidents of these services that began (again) after a moment: id, service, began_at."""
    params = {"environment": environment, "services": list(services), "besides": besides, "since": since}
    return await many(conn, EXECUTIONS["alarms_after"], params)


async def told_once(conn: Connection, incident_id: UUID) -> int:
    """Open alerts of an incident that are exceptions of a job: it tells of each, and seldom that one is over."""
    return int((await one(conn, EXECUTIONS["told_once"], [incident_id]))["alerts"])


async def alerts_at(conn: Connection, incident_id: UUID, source: str, *, at: datetime, margin_s: float) -> Row:
    """Of an incident's alerts that others than one source speak for, known at a moment: `alerts`, those `firing` then,
    as their senders have told since (what ended less than `margin_s` before counts), and exceptions, told `once`."""
    return await one(
        conn, EXECUTIONS["alerts_at"], {"incident": incident_id, "not": source, "at": at, "margin": margin_s}
    )


async def set_usual_traffic(conn: Connection, execution_id: UUID, traffic: float | None) -> None:
    """Remember the traffic from before the trouble, for the verdict."""
    await conn.execute(EXECUTIONS["set_usual_traffic"], [traffic, execution_id])


async def add_check(conn: Connection, execution_id: UUID, *, state: str, traffic: float | None, detail: str) -> None:
    """One evaluation of the signals after an action."""
    await conn.execute(EXECUTIONS["add_check"], [execution_id, state, traffic, detail])


async def checks(conn: Connection, execution_id: UUID) -> list[Row]:
    """All evaluations, oldest first; `at` as unix seconds."""
    return await many(conn, EXECUTIONS["checks"], [execution_id])


async def learn(conn: Connection, execution_id: UUID, outcome: Outcome) -> bool:
    """Write the outcome, once; False where it was written before."""
    return await maybe(conn, EXECUTIONS["learn"], [outcome, execution_id]) is not None
