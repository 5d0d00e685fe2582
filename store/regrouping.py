"""Alerts moved between whole incidents: locks in one order, moves, counters from the rows, and where new ones go."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.errors import NotFound
from store import alerts, gate
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

REGROUPING = Queries("regrouping")


async def lock(conn: Connection, incident_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Lock incidents with all that hangs on them, against everybody who folds, decides or acts; by id.

    The order is the same for all callers: folding, the gate, approvals and executions, alerts, incidents.
    """
    wanted = sorted(set(incident_ids))
    await alerts.lock_fold(conn)
    await gate.lock(conn)
    await lock_actions(conn, wanted)
    await conn.execute(REGROUPING["lock_alerts"], [wanted])
    rows = {row["id"]: row for row in await many(conn, REGROUPING["lock"], [wanted])}
    if missing := [one for one in wanted if one not in rows]:
        raise NotFound(f"There is no incident {missing[0]}.")
    return rows


async def lock_actions(conn: Connection, incident_ids: Sequence[UUID]) -> None:
    """Lock approvals and executions before their incident, as those do who decide on them."""
    await conn.execute(REGROUPING["lock_actions"], [sorted(incident_ids)])


async def choosable(conn: Connection, incident_id: UUID, *, rows_max: int) -> list[Row]:
    """Id and labels of an incident's alerts, as matchers see them."""
    return await many(conn, REGROUPING["choosable"], [incident_id, rows_max])


async def size(conn: Connection, incident_id: UUID) -> int:
    """How many alerts an incident has."""
    return int((await one(conn, REGROUPING["size"], [incident_id]))["alerts"])


async def members(conn: Connection, incident_id: UUID, alert_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these alerts that belong to an incident."""
    return {row["id"] for row in await many(conn, REGROUPING["members"], [incident_id, list(alert_ids)])}


async def move(conn: Connection, source: UUID, target: UUID, alert_ids: Sequence[UUID] | None = None) -> int:
    """Give alerts (None: all) of one incident to another; how many."""
    params: Mapping[str, Any] = {"from": source, "to": target, "ids": list(alert_ids or ())}
    query = REGROUPING["move_all" if alert_ids is None else "move_some"]
    moved = (await conn.execute(query, params)).rowcount
    await conn.execute(REGROUPING["move_parents"], params)
    return moved


async def recount(conn: Connection, incident_id: UUID) -> Row:
    """Set the counters from the rows; the incident after it."""
    return await one(conn, REGROUPING["recount"], {"id": incident_id})


async def describe(conn: Connection, incident_id: UUID, **said: str) -> Row:
    """Set title, signature, service and priority; the incident after it."""
    return await one(conn, REGROUPING["describe"], {"id": incident_id, **said})


async def end_merged(conn: Connection, incident_id: UUID, into: int, *, by: str) -> None:
    """End an incident with the number of the one that took its alerts."""
    await conn.execute(REGROUPING["end_merged"], {"id": incident_id, "into": into, "by": by})


async def create_split(conn: Connection, source: UUID) -> Row:
    """A new, still empty incident beside another one."""
    return await one(conn, REGROUPING["create_split"], {"id": new_id(), "from": source})


async def looked_at(conn: Connection, incident_id: UUID) -> None:
    """The alerts that a new incident begins with are not aggregated a second time."""
    await conn.execute(REGROUPING["looked_at"], [incident_id])


async def claim_group(conn: Connection, group_key: str, incident_id: UUID) -> None:
    """Alerts of this group join that incident while it is open."""
    await conn.execute(REGROUPING["claim_group"], [group_key, incident_id])


async def claim_identities(conn: Connection, incident_id: UUID) -> None:
    """New episodes of an incident's alerts join it again while it is open."""
    await conn.execute(REGROUPING["claim_identities"], [incident_id])


async def hand_claims_over(conn: Connection, source: UUID, target: UUID) -> None:
    """What was to join one incident joins another."""
    await conn.execute(REGROUPING["hand_claims_over"], {"from": source, "to": target})


async def drop_group_claim(conn: Connection, group_key: str) -> None:
    """Alerts of this group go their usual way again."""
    await conn.execute(REGROUPING["drop_group_claim"], [group_key])


async def forget_claims(conn: Connection, *, older_than_s: float) -> None:
    """Forget the claims of incidents that have been over for this long."""
    await conn.execute(REGROUPING["forget_claims"], [older_than_s])


async def open_in_group(conn: Connection, group_key: str) -> int | None:
    """The number of the open incident of a group."""
    row = await maybe(conn, REGROUPING["open_in_group"], [group_key])
    return None if row is None else int(row["number"])


async def story(
    conn: Connection, incident_id: UUID, after: tuple[datetime, int, int] | None, *, rows: int
) -> list[Row]:
    """Timeline rows of an incident and of all that were merged into it, oldest first; `after`: at, number, seq."""
    at, number, seq = after or (None, None, None)
    params = {"id": incident_id, "at": at, "number": number, "seq": seq, "rows": rows}
    return await many(conn, REGROUPING["story"], params)
