"""Alerts that nobody repeats: marked as unknown, written on the timeline, told once an incident, never resolved."""

from collections.abc import Sequence
from typing import Any

from core.staleness import StaleReason
from engine.house import House
from store import jobs, staleness, timeline
from store.pool import Connection, Row


async def sweep_stale(house: House) -> None:
    """What became stale, what was repeated after all, and which incidents people have to hear of."""
    async with house.store.begin() as conn:
        changed = await staleness.sweep(conn)
        fresh = [row for row in changed if not row["is_stale"]]
        await _show(conn, "alerts.fresh", StaleReason.REPEATED, fresh)
        stale = [row for row in changed if row["is_stale"]]
        await _show(conn, "alerts.stale", StaleReason.NOT_REPEATED, stale)
        pages = [{"incident_id": str(one), "kind": "stale"} for one in await staleness.tell(conn)]
        if pages:
            await jobs.defer_many(conn, "page_incident", pages)


async def _show(conn: Connection, kind: str, reason: StaleReason, rows: Sequence[Row]) -> None:
    told = [
        {"incident_id": str(row["incident_id"]), "kind": kind, "reason": reason, "body": _body(kind, row["alerts"])}
        for row in rows
    ]
    await timeline.append_many(conn, told)


def _body(kind: str, alerts: int) -> dict[str, Any]:
    said = "are repeated again" if kind == "alerts.fresh" else "are not repeated any more: unknown, not resolved"
    return {"alerts": alerts, "text": f"{alerts} alerts {said}"}
