"""The gate: its lock, and what it counts of the past: actions, failures and outcomes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from store.pool import BRIEF_MS, Connection, Row, many, one
from store.sql_files import Queries

GATE = Queries("gate")


async def lock(conn: Connection) -> None:
    """Let one transaction at a time pass: limits and switches hold for what the others commit at this moment too.

    Who hangs in it, on a paused machine for example, loses it after `BRIEF_MS`: STOP has to pass here as well.
    """
    await conn.execute(GATE["lock"], [str(BRIEF_MS)])


async def counts(
    conn: Connection, *, playbook: str, action: str, service: str, signature: str, environment: str
) -> Row:
    """`service_last_hour` (actions on the service) and `outcomes` (of this action on this kind of trouble here)."""
    params = {
        "playbook": playbook, "action": action, "service": service, "signature": signature, "environment": environment,
    }  # fmt: skip
    return await one(conn, GATE["counts"], params)


async def failures(conn: Connection, playbook: str, *, window_s: float) -> list[Row]:
    """When (`at`) a playbook failed, did not help or did not last, within the window."""
    return await many(conn, GATE["failures"], {"playbook": playbook, "window_s": window_s})


async def watched(conn: Connection, environment: str, states: Sequence[str]) -> list[Row]:
    """Actions in these states: id, incident_id, state, acted_at, service."""
    return await many(conn, GATE["watched"], {"environment": environment, "states": list(states)})


async def open_approvals(conn: Connection, playbook: str | None) -> list[Row]:
    """What waits or was approved and has not begun: approval_id, execution_id, incident_id."""
    return await many(conn, GATE["open_approvals"], {"playbook": playbook})


async def alarmed_since(conn: Connection, incident_id: UUID, services: Sequence[str], since: datetime) -> list[Row]:
    """Those of these services that were well in an incident at a moment and fire since: service, began_at."""
    return await many(
        conn, GATE["alarmed_since"], {"incident": incident_id, "services": list(services), "since": since}
    )
